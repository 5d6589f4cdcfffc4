// Speed of the row kernels on GPT-2's shapes: time, bytes moved as a share of the measured read
// bandwidth, and nanoseconds an element and core. Usage: rows_bench [threads] [trials]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>

#include "backends/onednn/peak.h"
#include "backends/onednn/threads.h"
#include "ir/builder.h"
#include "tests/onednn/one_node.h"

namespace gptc::testing {
namespace {

using ir::Builder;
using ir::DType;
using ir::OpKind;
using ir::Shape;
using ir::Type;
using ir::Value;

constexpr std::int64_t rows = 1024;
constexpr std::int64_t channels = 768;

Type f32(Shape shape) { return {DType::f32, std::move(shape)}; }
const Type counter{DType::i64, Shape{}};
const ir::Attrs dropout_attrs = {{"p", 0.1}, {"rng_key", std::uint64_t{7}}};

struct Bench {
  int threads;
  int trials;
  double bandwidth;  // GB/s

  struct Case {
    std::string name;
    OpKind kind;
    std::vector<Type> operands;
    ir::Attrs attrs = {};
    int in_place = -1;
    std::shared_ptr<const ir::Graph> body = nullptr;
    double elements = 0;  // 0: those of the first operand
    double streams = 0;   // of 4 bytes an element
  };

  void report(const Case& c) const {
    OneNode node(c.kind, c.operands, c.attrs,
                 {.threads = threads, .in_place = c.in_place, .body = c.body});
    for (std::size_t i = 0; i < c.operands.size(); ++i)
      if (c.operands[i].dtype == DType::f32) node.fill(i, static_cast<unsigned>(i));
    const onednn::ThreadScope scope(threads);
    node.run();
    double best = INFINITY;
    for (int trial = 0; trial < trials; ++trial) {
      const auto start = std::chrono::steady_clock::now();
      node.run();
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      best = std::min(best, elapsed.count());
    }
    const double elements =
        c.elements > 0 ? c.elements : static_cast<double>(c.operands[0].shape.numel());
    const double rate = elements * c.streams * 4 / best * 1e-9;
    fmt::print("{:<34} {:9.3f} ms {:6.2f} ns/element/core {:7.1f} GB/s {:6.1f} %\n", c.name,
               best * 1e3, best * 1e9 * threads / elements, rate, 100 * rate / bandwidth);
  }
};

using Body = std::function<std::vector<Value>(Builder&, const std::vector<Value>&)>;

Bench::Case fused(std::string name, std::vector<Type> operands, double streams, const Body& make) {
  auto body = std::make_shared<ir::Graph>("body");
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < operands.size(); ++i)
    inputs.push_back(body->add_input(fmt::format("a{}", i), operands[i]));
  Builder builder(*body);
  std::size_t count = 0;
  for (const Value value : make(builder, inputs))
    body->outputs().push_back({fmt::format("r{}", count++), value});
  return {.name = std::move(name),
          .kind = OpKind::row_fused,
          .operands = std::move(operands),
          .body = body,
          .streams = streams};
}

void elementwise(const Bench& bench) {
  const Type x = f32({rows, 4 * channels});
  bench.report({.name = "add", .kind = OpKind::add, .operands = {x, x}, .streams = 3});
  bench.report(
      {.name = "add [C]", .kind = OpKind::add, .operands = {x, f32({4 * channels})}, .streams = 2});
  bench.report({.name = "gelu", .kind = OpKind::gelu, .operands = {x}, .streams = 2});
  bench.report(
      {.name = "gelu_with_grad", .kind = OpKind::gelu_with_grad, .operands = {x}, .streams = 3});
  bench.report({.name = "exp", .kind = OpKind::exp, .operands = {x}, .streams = 2});
  bench.report({.name = "tanh", .kind = OpKind::tanh, .operands = {x}, .streams = 2});
  bench.report({.name = "dropout",
                .kind = OpKind::dropout,
                .operands = {x, counter},
                .attrs = dropout_attrs,
                .streams = 2});
  bench.report({.name = "random_normal",
                .kind = OpKind::random_normal,
                .operands = {},
                .attrs = {{"shape", x.shape}, {"rng_key", std::uint64_t{7}}},
                .elements = static_cast<double>(x.shape.numel()),
                .streams = 1});
}

void rowwise(const Bench& bench) {
  const Type x = f32({rows, channels});
  const Type row = f32({channels});
  const Type statistic = f32({rows});
  bench.report({.name = "layer_norm",
                .kind = OpKind::layer_norm,
                .operands = {x, row, row},
                .attrs = {{"eps", 1e-5}},
                .streams = 2});
  bench.report({.name = "layer_norm_grad",
                .kind = OpKind::layer_norm_grad,
                .operands = {x, x, row, statistic, statistic},
                .streams = 3});
  bench.report({.name = "layer_norm_param_grad",
                .kind = OpKind::layer_norm_param_grad,
                .operands = {x, x, statistic, statistic},
                .streams = 2});
  bench.report(
      {.name = "softmax", .kind = OpKind::softmax, .operands = {f32({rows, 1024})}, .streams = 2});
  bench.report({.name = "reduce_sum columns",
                .kind = OpKind::reduce_sum,
                .operands = {f32({rows, 4 * channels})},
                .attrs = {{"axes", ir::Ints{0}}},
                .streams = 1});
  bench.report({.name = "reduce_sum rows",
                .kind = OpKind::reduce_sum,
                .operands = {f32({rows, 4 * channels})},
                .attrs = {{"axes", ir::Ints{1}}},
                .streams = 1});
  bench.report(fused(
      "add, dropout, layer_norm", {x, x, row, row, counter}, 4, [](Builder& b, const auto& in) {
        const Value sum = b.add(in[0], b.op(OpKind::dropout, {in[1], in[4]}, dropout_attrs));
        const ir::NodeId norm = b.node(OpKind::layer_norm, {sum, in[2], in[3]}, {{"eps", 1e-5}});
        return std::vector<Value>{sum, {norm, 0}, {norm, 1}, {norm, 2}};
      }));
  bench.report(
      fused("layer_norm_grad, add, dropout", {x, x, row, statistic, statistic, x, counter}, 5,
            [](Builder& b, const auto& in) {
              const Value dx =
                  b.add(b.op(OpKind::layer_norm_grad, {in[0], in[1], in[2], in[3], in[4]}), in[5]);
              return std::vector<Value>{dx, b.op(OpKind::dropout, {dx, in[6]}, dropout_attrs)};
            }));
}

void moves(const Bench& bench) {
  const Type x = f32({4, 256, 12, 64});
  bench.report({.name = "transpose heads",
                .kind = OpKind::transpose,
                .operands = {x},
                .attrs = {{"perm", ir::Ints{0, 2, 1, 3}}},
                .streams = 2});
  bench.report({.name = "transpose matrix",
                .kind = OpKind::transpose,
                .operands = {f32({rows, 3 * channels})},
                .attrs = {{"perm", ir::Ints{1, 0}}},
                .streams = 2});
  bench.report(
      {.name = "slice",
       .kind = OpKind::slice,
       .operands = {f32({rows, 3 * channels})},
       .attrs = {{"axis", std::int64_t{1}}, {"start", std::int64_t{768}}, {"size", Shape{768}}},
       .elements = static_cast<double>(rows * channels),
       .streams = 2});
}

void training(const Bench& bench) {
  const Type table = f32({8192, channels});
  const Type ids{DType::i32, Shape{1024}};
  bench.report({.name = "embedding_grad",
                .kind = OpKind::embedding_grad,
                .operands = {ids, f32({1024, channels})},
                .attrs = {{"rows", std::int64_t{8192}}},
                .elements = 8192.0 * channels,
                .streams = 1});
  bench.report(
      {.name = "sum_squares", .kind = OpKind::sum_squares, .operands = {table}, .streams = 1});
  const Type scalar = f32({});
  bench.report({.name = "adamw",
                .kind = OpKind::adamw,
                .operands = {table, table, table, table, scalar, scalar, counter},
                .attrs = {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.1}},
                .streams = 7});
  const Type logits = f32({64, 50257});
  const Type targets{DType::i32, Shape{64}};
  bench.report({.name = "cross_entropy",
                .kind = OpKind::cross_entropy,
                .operands = {logits, targets},
                .streams = 1});
  bench.report({.name = "cross_entropy_grad",
                .kind = OpKind::cross_entropy_grad,
                .operands = {logits, targets, scalar},
                .streams = 2});
}

int run(int threads, int trials) {
  const Bench bench{threads, trials, onednn::read_gigabytes_per_second(threads)};
  fmt::print("{} threads: {:.1f} GB/s\n", threads, bench.bandwidth);
  elementwise(bench);
  rowwise(bench);
  moves(bench);
  training(bench);
  return 0;
}

}  // namespace
}  // namespace gptc::testing

int main(int argc, char** argv) {
  const int threads = gptc::onednn::resolve_threads(argc > 1 ? std::atoi(argv[1]) : 0);
  return gptc::testing::run(threads, argc > 2 ? std::max(1, std::atoi(argv[2])) : 10);
}
