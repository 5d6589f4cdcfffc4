#include "backends/onednn/skinny_abreast.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include "backends/onednn/skinny_forms_avx2.h"
#endif

namespace gptc::onednn::avx2 {

using namespace abreast;

std::size_t rows_abreast(const SkinnyProblem& problem) {
  constexpr std::size_t worth_a_group = 13;
  if (problem.inner % chains != 0 || problem.columns < channels || problem.rows > skinny_rows)
    return 0;
  const std::size_t rest = problem.rows % group;
  return rest >= worth_a_group ? problem.rows : problem.rows - rest;
}

std::size_t values_abreast(const SkinnyProblem& problem) {
  return round_up(rows_abreast(problem), group) * problem.inner;
}

#if defined(__x86_64__)
namespace {

constexpr std::size_t steps_of_item = 16;

std::size_t items_of_group(const SkinnyProblem& problem) {
  return (problem.inner / chains + steps_of_item - 1) / steps_of_item;
}

/// Eight values of a row as f32; zeros where there is no such row.
GPTC_INLINE2 __m256 values_of_row(const SkinnyProblem& problem, std::size_t row, std::size_t k) {
  if (row >= problem.rows) return _mm256_setzero_ps();
  const std::byte* x = problem.x + row * problem.x_row();
  return problem.x_is_bf16 ? NarrowWeights::load(x + k * 2, vector)
                           : FloatWeights::load(x + k * 4, vector);
}

}  // namespace

std::size_t items_abreast(const SkinnyProblem& problem) {
  return round_up(rows_abreast(problem), group) / group * items_of_group(problem);
}

GPTC_AVX2 void put_abreast(const SkinnyProblem& problem, std::size_t item) {
  const Parts parts(problem.inner);
  const std::size_t which = item / items_of_group(problem);
  const std::size_t begin = item % items_of_group(problem) * steps_of_item;
  const std::size_t end = std::min(parts.all(), begin + steps_of_item);
  float* to = reinterpret_cast<float*>(problem.prepared) + which * group * problem.inner;
  for (std::size_t step = begin; step < end; ++step) {
    const std::size_t part = parts.part_of(step);
    for (std::size_t half = 0; half < group; half += vector) {
      __m256 rows[vector];
      for (std::size_t r = 0; r < vector; ++r)
        rows[r] = values_of_row(problem, which * group + half + r, step * chains);
      __m256 values[chains];
      turn(rows, values);
      for (std::size_t chain = 0; chain < chains; ++chain)
        _mm256_store_ps(to + parts.place(part, chain) + (step - parts.first(part)) * group + half,
                        values[chain]);
    }
  }
}

#else

std::size_t items_abreast(const SkinnyProblem&) { return 0; }
void put_abreast(const SkinnyProblem&, std::size_t) {
  ir::internal_error("this processor has no vectors of 256 bits");
}

#endif

}  // namespace gptc::onednn::avx2
