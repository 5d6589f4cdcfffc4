// What the benchmarks of models share.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/driver/commands/common_flags.h"

namespace gptc::driver {

/// Uniform ids: what a step costs does not depend on the text. Another `draw`, other ids.
std::vector<std::int32_t> random_tokens(std::int64_t count, std::int64_t vocabulary,
                                        std::uint64_t draw = 0);

/// GFLOP/s at most, of products in what --dtype computes them in.
double peak_of_products(const CommonFlags& flags);

/// Of at least one value.
double median_of(std::vector<double> values);

}  // namespace gptc::driver
