// Skinny products by AVX-512: its own instructions for bf16 pairs and for whole numbers.
#include "backends/onednn/skinny_kernels.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include "backends/onednn/skinny_forms_avx512.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define GPTC_SKINNY GPTC_AVX512
#define GPTC_SKINNY_NAMESPACE avx512
#include "backends/onednn/skinny_walk-inl.h"
#endif

namespace gptc::onednn::avx512 {

#if defined(__x86_64__)

void multiply_floats(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                     float* sums) {
  const Sides sides(problem, reinterpret_cast<const std::byte*>(x), problem.inner * sizeof(float));
  multiply<Floats>(sides, tile, sums);
}

void multiply_pairs(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const std::size_t row = problem.x_row();
  multiply<Pairs>(Sides(problem, problem.x + tile.first_row * row, row), tile, sums);
}

void multiply_integers(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const std::size_t row = RoundedRow(problem).bytes();
  const Sides sides(problem, problem.prepared + tile.first_row * row, row);
  if (problem.form == WeightForm::i8) {
    multiply<Bytes>(sides, tile, sums);
  } else {
    multiply<Halves>(sides, tile, sums);
  }
}

#pragma GCC diagnostic pop

#else

void multiply_floats(const SkinnyProblem&, const SkinnyTile&, const float*, float*) {
  ir::internal_error("this processor has no vectors of 512 bits");
}
void multiply_pairs(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor does not multiply bf16");
}
void multiply_integers(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor does not multiply 16-bit integers");
}
#endif

}  // namespace gptc::onednn::avx512
