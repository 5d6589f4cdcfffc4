// Models that differ in everything the DSL offers and a cache may get wrong.
#pragma once

#include <cstdint>
#include <random>

#include "tools/driver/model_source.h"

namespace gptc::testing {

/// Draws that are equal everywhere.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : engine_(seed) {}
  /// Both included.
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    const auto count = static_cast<std::uint64_t>(high - low) + 1;
    return low + static_cast<std::int64_t>(engine_() % count);
  }
  /// One time in `times`.
  bool one_in(std::int64_t times) { return integer(1, times) == 1; }

 private:
  std::mt19937_64 engine_;
};

/// Layers, widths, heads, vocabulary, context, activations, positions and head, all by the seed.
driver::ModelSource random_model(std::uint64_t seed);

}  // namespace gptc::testing
