// Rows of x side by side, as AVX2 multiplies 16 of them at a time: a vector holds one value of
// eight rows, and a weight is read once for all. Each sum is made of eight chains over k, one for
// every eighth value, which are added up in pairs: the lanes of skinny_forms_avx2.h, so bits are
// the same.
#pragma once

#include "backends/onednn/skinny.h"

namespace gptc::onednn::avx2 {

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
