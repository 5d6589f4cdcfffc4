// Skinny products by AVX2: bf16 widened on the way, whole numbers by 16-bit products.
#include "backends/onednn/skinny_kernels.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include "backends/onednn/skinny_forms_avx2.h"
#define GPTC_SKINNY GPTC_AVX2
#define GPTC_SKINNY_NAMESPACE avx2
#include "backends/onednn/skinny_walk-inl.h"
#endif

namespace gptc::onednn::avx2 {

#if defined(__x86_64__)

void multiply_floats(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                     float* sums) {
  const Sides sides(problem, reinterpret_cast<const std::byte*>(x), problem.inner * sizeof(float));
  if (problem.form == WeightForm::f32) {
    multiply<Floats>(sides, tile, sums);
  } else {
    multiply<Narrow>(sides, tile, sums);
  }
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

#else

void multiply_floats(const SkinnyProblem&, const SkinnyTile&, const float*, float*) {
  ir::internal_error("this processor has no vectors of 256 bits");
}
void multiply_integers(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor has no vectors of 256 bits");
}
#endif

}  // namespace gptc::onednn::avx2
