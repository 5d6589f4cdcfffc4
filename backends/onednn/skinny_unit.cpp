// Which instructions a skinny product takes on this processor, and rows of x as they want them.
#include <cstdint>
#include <cstring>
#include <limits>

#include "backends/onednn/bf16_dot.h"
#include "backends/onednn/skinny_kernels.h"

namespace gptc::onednn {
namespace {

#if defined(__x86_64__)
bool has_integer_dot() {
  static const bool has = __builtin_cpu_supports("avx512vnni") != 0 && has_bf16_dot();
  return has;
}

bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  return has;
}
#else
bool has_integer_dot() { return false; }
bool has_avx2() { return false; }
#endif

bool has_nan_or_infinity(const float* x, std::size_t size) {
  bool has = false;
  for (std::size_t i = 0; i < size; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, x + i, sizeof(bits));
    has |= (bits & 0x7f800000U) == 0x7f800000U;
  }
  return has;
}

}  // namespace

SkinnyUnit skinny_unit(const SkinnyProblem& problem) {
  const bool whole = problem.form == WeightForm::i8 || problem.form == WeightForm::i4;
  if (problem.form == WeightForm::bf16 && problem.x_is_bf16 && has_bf16_dot())
    return SkinnyUnit::avx512_pairs;
  if (has_integer_dot() && whole) return SkinnyUnit::avx512_integers;
  if (has_integer_dot() && problem.form == WeightForm::f32) return SkinnyUnit::avx512_floats;
  if (!has_avx2()) return SkinnyUnit::portable;
  return whole ? SkinnyUnit::avx2_integers : SkinnyUnit::avx2_floats;
}

RoundedRow::RoundedRow(const SkinnyProblem& problem)
    : values(skinny_unit(problem) == SkinnyUnit::avx512_integers ? avx512::rounded_bytes(problem)
                                                                 : avx2::rounded_bytes(problem)) {}

void round_row(const SkinnyProblem& problem, std::size_t row, const float* x) {
  const RoundedRow rounded(problem);
  std::byte* to = problem.prepared + row * rounded.bytes();
  float unit = skinny_unit(problem) == SkinnyUnit::avx512_integers
                   ? avx512::round_row(problem, x, to)
                   : avx2::round_row(problem, x, to);
  // Integers are neither; the unit makes the whole row's products NaN.
  if (has_nan_or_infinity(x, problem.inner)) unit = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(to + rounded.values, &unit, sizeof(unit));
}

}  // namespace gptc::onednn
