#include "tools/driver/commands/bench_figures.h"

#include <algorithm>

#include "backends/onednn/bf16_dot.h"
#include "backends/onednn/peak.h"
#include "backends/runtime/philox.h"

namespace gptc::driver {

std::vector<std::int32_t> random_tokens(std::int64_t count, std::int64_t vocabulary,
                                        std::uint64_t draw) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const double u = runtime::uniform_of(runtime::philox_word(i, draw, 0));
    tokens[i] = static_cast<std::int32_t>(u * static_cast<double>(vocabulary));
  }
  return tokens;
}

double peak_of_products(const CommonFlags& flags) {
  const bool bf16 = flags.dtype == "bf16" && onednn::has_bf16_dot();
  return bf16 ? onednn::peak_bf16_gflops(flags.threads) : onednn::peak_gflops(flags.threads);
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace gptc::driver
