// Rows of x side by side, as AVX2 multiplies 16 of them at a time: a vector holds one value of
// eight rows, and a weight is read once for all. Each sum is made of eight chains over k, one for
// every eighth value, which are added up in pairs: the lanes of skinny_forms_avx2.h, so bits are
// the same.
#pragma once

#include <algorithm>
#include <cstddef>

#include "backends/onednn/round_up.h"
#include "backends/onednn/skinny.h"

namespace gptc::onednn::avx2 {

namespace abreast {

inline constexpr std::size_t chains = 8;    // over k, of every sum
inline constexpr std::size_t vector = 8;    // floats
inline constexpr std::size_t group = 16;    // rows
inline constexpr std::size_t channels = 6;  // of a tile: 12 vectors of sums
inline constexpr std::size_t unrolled = 4;  // steps over k

/// Sums over k are made in parts, of so many steps of eight values that a chain's rows of x stay in
/// the first-level cache. x lies part by part, chain by chain, step by step.
class Parts {
 public:
  explicit Parts(std::size_t inner) : all_(inner / chains) {
    constexpr std::size_t most = 96;
    const std::size_t count = (all_ + most - 1) / most;
    each_ = round_up((all_ + count - 1) / count, unrolled);
  }

  std::size_t count() const { return (all_ + each_ - 1) / each_; }
  std::size_t first(std::size_t part) const { return part * each_; }
  std::size_t steps(std::size_t part) const { return std::min(each_, all_ - first(part)); }
  /// Where a chain's rows of x lie in the group.
  std::size_t place(std::size_t part, std::size_t chain) const {
    return (first(part) * chains + chain * steps(part)) * group;
  }
  std::size_t all() const { return all_; }
  std::size_t part_of(std::size_t step) const { return step / each_; }

 private:
  std::size_t all_;
  std::size_t each_;
};

}  // namespace abreast

/// Rows of the problem, the first ones, that are worked on side by side; the others are too few.
std::size_t rows_abreast(const SkinnyProblem& problem);

/// Floats of problem.prepared that hold them.
std::size_t values_abreast(const SkinnyProblem& problem);

/// They are put there in so many items.
std::size_t items_abreast(const SkinnyProblem& problem);
void put_abreast(const SkinnyProblem& problem, std::size_t item);

/// sums[row, column] = x · wᵀ of those rows and the tile's columns, rows SkinnyProblem::widest
/// apart.
void multiply_abreast(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums);

}  // namespace gptc::onednn::avx2
