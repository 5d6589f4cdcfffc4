#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/peak.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/onednn/peak.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Chains enough to keep two FMA units of latency 5 busy. Returns the operations done.
double fma_loop(long iterations, float* sink) {
  const hn::ScalableTag<float> d;
  constexpr std::size_t chains = 12;
  hn::Vec<decltype(d)> acc[chains];
  for (auto& a : acc) a = hn::Set(d, sink[0]);
  const auto x = hn::Set(d, sink[1]);
  const auto y = hn::Set(d, sink[2]);
  for (long i = 0; i < iterations; ++i)
    for (auto& a : acc) a = hn::MulAdd(a, x, y);
  auto sum = acc[0];
  for (std::size_t i = 1; i < chains; ++i) sum = hn::Add(sum, acc[i]);
  sink[3] = hn::GetLane(hn::SumOfLanes(d, sum));
  return 2.0 * chains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(iterations);
}

float read_all(const float* data, std::int64_t size) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d);
  auto s1 = s0;
  auto s2 = s0;
  auto s3 = s0;
  for (std::int64_t i = 0; i + 4 * lanes <= size; i += 4 * lanes) {
    s0 = hn::Add(s0, hn::LoadU(d, data + i));
    s1 = hn::Add(s1, hn::LoadU(d, data + i + lanes));
    s2 = hn::Add(s2, hn::LoadU(d, data + i + 2 * lanes));
    s3 = hn::Add(s3, hn::LoadU(d, data + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <chrono>
#include <vector>

#include "backends/onednn/bf16_dot.h"
#include "backends/onednn/threads.h"
#include "backends/runtime/memory.h"

namespace gptc::onednn {
namespace {

HWY_EXPORT(fma_loop);
HWY_EXPORT(read_all);

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

using Loop = double (*)(long iterations, float* sink);

/// The first trial, which wakes the threads, counts like the others: the best is taken.
double best_gflops(Loop loop, int threads, int trials) {
  constexpr long iterations = 1'000'000;
  const int count = resolve_threads(threads);
  const ThreadScope scope(count);
  double best = 0;
  for (int trial = 0; trial < trials; ++trial) {
    double operations = 0;
    const auto start = Clock::now();
#pragma omp parallel for num_threads(count) schedule(static, 1) reduction(+ : operations)
    for (int thread = 0; thread < count; ++thread) {
      // Values that stay near 1 and that the compiler cannot know.
      float sink[4] = {1.F, 0.999F, 0.001F + 1e-9F * static_cast<float>(thread), 0.F};
      operations += loop(iterations, sink);
      volatile float keep = sink[3];
      static_cast<void>(keep);
    }
    best = std::max(best, operations / seconds_since(start));
  }
  return best * 1e-9;
}

}  // namespace

double peak_gflops(int threads, int trials) {
  return best_gflops(HWY_DYNAMIC_DISPATCH(fma_loop), threads, trials);
}

double peak_bf16_gflops(int threads, int trials) {
  return has_bf16_dot() ? best_gflops(bf16_dot_loop, threads, trials) : 0;
}

ReadSpeed read_speed(int threads, int trials) {
  constexpr std::int64_t chunk = std::int64_t{1} << 18;  // floats that a thread reads in a row
  constexpr std::int64_t window = 64 * chunk;            // floats of a measurement: some 2 ms
  constexpr std::int64_t windows = 4;                    // together far more than any cache
  const int workers = resolve_threads(threads);
  const ThreadScope scope(workers);
  const runtime::Memory memory(windows * window * static_cast<std::int64_t>(sizeof(float)));
  auto* data = reinterpret_cast<float*>(memory.data());
  std::fill_n(data, windows * window, 1.F);
  std::vector<double> speeds;
  double total = 0;
  for (std::int64_t trial = 0; trial < windows * trials; ++trial) {
    const float* from = data + trial % windows * window;
    const auto start = Clock::now();
    // Dynamic: a thread that has to wait for its processor does not hold up the others.
#pragma omp parallel for num_threads(workers) schedule(dynamic) reduction(+ : total)
    for (std::int64_t first = 0; first < window; first += chunk)
      total += static_cast<double>(HWY_DYNAMIC_DISPATCH(read_all)(from + first, chunk));
    speeds.push_back(static_cast<double>(window * sizeof(float)) / seconds_since(start) * 1e-9);
  }
  volatile double keep = total;
  static_cast<void>(keep);
  std::ranges::sort(speeds);
  return {.median = speeds[speeds.size() / 2], .best = speeds.back()};
}

}  // namespace gptc::onednn
#endif
