// kernel_bench [--threads=N] [Google Benchmark's flags]: GFLOP/s, GB/s and the fraction of the
// floor, `of_floor`.
#include "tests/bench/bench.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "backends/onednn/bf16_dot.h"
#include "backends/onednn/peak.h"
#include "backends/onednn/threads.h"

namespace gptc::testing {
namespace {

/// Of this machine, measured before the benchmarks run.
struct Machine {
  int threads = 1;
  double flops = 0;  // a second
  double bf16_flops = 0;
  double bytes = 0;
};

Machine& machine() {
  static Machine measured;
  return measured;
}

double floor_of(const OneNode& node, bool bf16) {
  const double peak = bf16 && machine().bf16_flops > 0 ? machine().bf16_flops : machine().flops;
  return std::max(node.flops() / peak, node.bytes() / machine().bytes);
}

bool multiplies_bf16(const BenchCase& bench) {
  return bench.operands.size() >= 2 && bench.operands[0].dtype == ir::DType::bf16 &&
         bench.operands[1].dtype == ir::DType::bf16;
}

void run(benchmark::State& state, const BenchCase& bench) {
  const int threads = machine().threads;
  OneNode node(bench.kind, bench.operands, bench.attrs, {.threads = threads, .body = bench.body});
  for (std::size_t i = 0; i < bench.operands.size(); ++i) {
    if (ir::is_float(bench.operands[i].dtype)) node.fill(i, static_cast<unsigned>(i));
  }
  const onednn::ThreadScope scope(threads);
  node.run();
  while (state.KeepRunning()) node.run();
  using benchmark::Counter;
  constexpr auto rate = Counter::kIsIterationInvariantRate;
  state.counters["GFLOP/s"] = Counter(node.flops() * 1e-9, rate);
  state.counters["GB/s"] = Counter(node.bytes() * 1e-9, rate);
  state.counters["of_floor"] = Counter(floor_of(node, multiplies_bf16(bench)), rate);
}

class Kernel final : public benchmark::Fixture {
 public:
  explicit Kernel(BenchCase bench) : bench_(std::move(bench)) { SetName(bench_.name.c_str()); }

 private:
  void BenchmarkCase(benchmark::State& state) override { run(state, bench_); }

  BenchCase bench_;
};

/// Takes --threads=N out of the arguments.
int threads_asked(int& count, char** arguments) {
  constexpr std::string_view flag = "--threads=";
  int threads = 0;
  char** end = std::remove_if(arguments + 1, arguments + count, [&](std::string_view argument) {
    if (!argument.starts_with(flag)) return false;
    threads = std::atoi(argument.substr(flag.size()).data());
    return true;
  });
  count = static_cast<int>(end - arguments);
  return onednn::resolve_threads(threads);
}

}  // namespace

void add_bench(const BenchCase& bench) {
  auto kernel = std::make_unique<Kernel>(bench);
  kernel->UseRealTime()->Unit(benchmark::kMillisecond);
  benchmark::internal::RegisterBenchmarkInternal(kernel.release());  // as the macros do
}

BenchCase fused_rows(std::string name, std::vector<ir::Type> operands, const MakeBody& make) {
  auto body = std::make_shared<ir::Graph>("body");
  std::vector<ir::Value> inputs;
  for (std::size_t i = 0; i < operands.size(); ++i)
    inputs.push_back(body->add_input(fmt::format("a{}", i), operands[i]));
  ir::Builder builder(*body);
  for (const ir::Value value : make(builder, inputs))
    body->outputs().push_back({fmt::format("r{}", body->outputs().size()), value});
  return {.name = std::move(name),
          .kind = ir::OpKind::row_fused,
          .operands = std::move(operands),
          .body = body};
}

int run_benchmarks(int count, char** arguments) {
  machine().threads = threads_asked(count, arguments);
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 2;
  const int threads = machine().threads;
  machine() = {.threads = threads,
               .flops = onednn::peak_gflops(threads) * 1e9,
               .bf16_flops = onednn::peak_bf16_gflops(threads) * 1e9,
               .bytes = onednn::read_speed(threads).best * 1e9};
  benchmark::AddCustomContext("threads", fmt::format("{}", threads));
  benchmark::AddCustomContext(
      "ceilings",
      fmt::format("{:.1f} GFLOP/s f32, {:.1f} GFLOP/s bf16, {:.1f} GB/s read",
                  machine().flops * 1e-9, machine().bf16_flops * 1e-9, machine().bytes * 1e-9));
  add_products(ir::DType::f32);
  add_heads(ir::DType::f32);
  if (onednn::has_bf16_dot()) {
    add_products(ir::DType::bf16);
    add_heads(ir::DType::bf16);
  }
  add_rows();
  add_optimizer();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace gptc::testing

int main(int count, char** arguments) { return gptc::testing::run_benchmarks(count, arguments); }
