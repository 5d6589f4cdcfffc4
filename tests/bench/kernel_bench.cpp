// Speed of the matmul, attention and head kernels on GPT-2's shapes, as a share of the measured FMA
// peak. Usage: kernel_bench [threads] [trials]. One thread is timed by the CPU time it used, which
// a machine busy with other work does not spoil; several by the wall clock.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <string>

#include "backends/onednn/peak.h"
#include "backends/onednn/threads.h"
#include "tests/onednn/one_node.h"

namespace gptc::testing {
namespace {

using ir::DType;
using ir::OpKind;
using ir::Shape;

double seconds_now(int threads) {
  if (threads == 1) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

struct Bench {
  int threads;
  int trials;
  double peak;

  /// The best time of `trials` runs; `flops` are the useful ones.
  void report(const std::string& name, OneNode& node, double flops) const {
    const onednn::ThreadScope scope(threads);
    node.run();
    double best = INFINITY;
    for (int trial = 0; trial < trials; ++trial) {
      const double start = seconds_now(threads);
      node.run();
      best = std::min(best, seconds_now(threads) - start);
    }
    const double gflops = flops / best * 1e-9;
    fmt::print("{:<44} {:9.3f} ms {:8.1f} GFLOP/s {:6.1f} %\n", name, best * 1e3, gflops,
               100 * gflops / peak);
  }
};

void matmul(const Bench& bench, const std::string& name, Shape a, Shape b, ir::Attrs attrs) {
  const bool transpose_a = attrs.find("transpose_a") != nullptr;
  const bool transpose_b = attrs.find("transpose_b") != nullptr;
  const std::int64_t m = a[transpose_a ? 1 : 0].size();
  const std::int64_t k = a[transpose_a ? 0 : 1].size();
  const std::int64_t n = b[transpose_b ? 0 : 1].size();
  std::vector<ir::Type> types = {{DType::f32, a}, {DType::f32, b}};
  if (const auto* epilogue = attrs.find("epilogue"); epilogue != nullptr) {
    for (const std::string& op : std::get<ir::Strings>(*epilogue)) {
      if (op == "bias") types.push_back({DType::f32, Shape{n}});
      if (op == "mul" || op == "add") types.push_back({DType::f32, Shape{m, n}});
    }
  }
  OneNode node(OpKind::matmul, types, std::move(attrs), {.threads = bench.threads});
  for (std::size_t i = 0; i < types.size(); ++i) node.fill(i, static_cast<unsigned>(i));
  bench.report(name, node, 2.0 * static_cast<double>(m * k * n));
}

/// Forward, data gradient and weight gradient of one linear layer.
void linear(const Bench& bench, std::int64_t rows, std::int64_t in, std::int64_t out) {
  const std::string shape = fmt::format("{}x{}x{}", rows, in, out);
  matmul(bench, "linear " + shape, {rows, in}, {in, out}, {{"epilogue", ir::Strings{"bias"}}});
  matmul(bench, "linear dx " + shape, {rows, out}, {in, out}, {{"transpose_b", true}});
  matmul(bench, "linear dw " + shape, {rows, in}, {rows, out}, {{"transpose_a", true}});
}

void attention(const Bench& bench, std::int64_t batch, std::int64_t length, double p) {
  const std::int64_t heads = 12;
  const std::int64_t size = 64;
  const ir::Type x{DType::f32, Shape{batch, length, heads * size}};
  const ir::Type lse{DType::f32, Shape{batch, heads, length}};
  const ir::Attrs attrs = {{"heads", heads},
                           {"scale", 0.125},
                           {"causal", true},
                           {"p", p},
                           {"rng_key", std::uint64_t{7}}};
  std::vector<ir::Type> forward = {x, x, x};
  std::vector<ir::Type> backward = {x, x, x, x, lse, x};
  if (p > 0) {
    forward.push_back({DType::i64, Shape{}});
    backward.push_back({DType::i64, Shape{}});
  }
  const auto pairs = static_cast<double>(length) * static_cast<double>(length + 1) / 2;
  const double product = 2 * pairs * static_cast<double>(batch * heads * size);
  const std::string shape = fmt::format("B={} T={} p={}", batch, length, p);
  OneNode y(OpKind::attention, forward, attrs, {.threads = bench.threads});
  for (unsigned i = 0; i < 3; ++i) y.fill(i, i);
  bench.report("attention " + shape, y, 2 * product);
  OneNode grad(OpKind::attention_grad, backward, attrs, {.threads = bench.threads});
  for (unsigned i = 0; i < 6; ++i) grad.fill(i, i);
  std::ranges::copy(y.result(1), grad.operand(4).begin());
  bench.report("attention_grad " + shape, grad, 5 * product);
}

void head(const Bench& bench, std::int64_t rows) {
  const std::int64_t channels = 768;
  const std::int64_t vocabulary = 50257;
  std::vector<ir::Type> types = {{DType::f32, Shape{rows, channels}},
                                 {DType::f32, Shape{vocabulary, channels}},
                                 {DType::i32, Shape{rows}}};
  const double product = 2.0 * static_cast<double>(rows * channels * vocabulary);
  OneNode loss(OpKind::linear_cross_entropy, types, {}, {.threads = bench.threads});
  loss.fill(0, 1);
  loss.fill(1, 2, 0.05F);
  bench.report(fmt::format("linear_cross_entropy {} rows", rows), loss, product);
  types.push_back({DType::f32, Shape{}});
  OneNode grad(OpKind::linear_cross_entropy_grad, types, {}, {.threads = bench.threads});
  grad.fill(0, 1);
  grad.fill(1, 2, 0.05F);
  grad.operand(3)[0] = 1.F;
  bench.report(fmt::format("linear_cross_entropy_grad {} rows", rows), grad, 3 * product);
}

int run(int threads, int trials) {
  const Bench bench{threads, trials, onednn::peak_gflops(threads)};
  fmt::print("{} threads: {:.1f} GFLOP/s, {:.1f} GB/s\n", threads, bench.peak,
             onednn::read_gigabytes_per_second(threads));
  for (const auto& [in, out] :
       {std::pair{768, 2304}, std::pair{768, 768}, std::pair{768, 3072}, std::pair{3072, 768}}) {
    linear(bench, 1024, in, out);
  }
  matmul(bench, "linear bias gelu 1024x768x3072", {1024, 768}, {768, 3072},
         {{"epilogue", ir::Strings{"bias", "gelu"}}});
  matmul(bench, "linear bias add 1024x3072x768", {1024, 3072}, {3072, 768},
         {{"epilogue", ir::Strings{"bias", "add"}}});
  matmul(bench, "linear dx mul 1024x768x3072", {1024, 768}, {3072, 768},
         {{"transpose_b", true}, {"epilogue", ir::Strings{"mul"}}});
  for (const double p : {0.0, 0.1}) {
    attention(bench, 4, 256, p);
    attention(bench, 1, 1024, p);
  }
  head(bench, 1024);
  fmt::print("peak afterwards: {:.1f} GFLOP/s\n", onednn::peak_gflops(threads));
  return 0;
}

}  // namespace
}  // namespace gptc::testing

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  const int trials = argc > 2 ? std::atoi(argv[2]) : 10;
  return gptc::testing::run(gptc::onednn::resolve_threads(threads), std::max(trials, 1));
}
