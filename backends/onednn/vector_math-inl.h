// Elementary functions on f32 vectors that keep NaN, overflow to infinity and underflow to 0.
#if defined(GPTC_BACKENDS_ONEDNN_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_BACKENDS_ONEDNN_VECTOR_MATH_INL_H_
#undef GPTC_BACKENDS_ONEDNN_VECTOR_MATH_INL_H_
#else
#define GPTC_BACKENDS_ONEDNN_VECTOR_MATH_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Behind it a float has no places: adding it rounds, and the sum's low bits are the integer.
inline constexpr float rounder = 0x1.8p23F;

/// e^x within 2 ulp; results below 2^-125 become 0. Cody and Waite's reduction, then a polynomial
/// fitted on [-ln 2 / 2, ln 2 / 2] (Cephes' expf).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_of(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V whole = hn::MulAdd(x, hn::Set(d, 1.44269504F), hn::Set(d, rounder));
  const V n = hn::Sub(whole, hn::Set(d, rounder));
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), r);
  V p = hn::MulAdd(hn::Set(d, 1.9875691500e-4F), r, hn::Set(d, 1.3981999507e-3F));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3F));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1F));
  p = hn::MulAdd(p, hn::Mul(r, r), hn::Add(r, hn::Set(d, 1.0F)));
  const auto shift = hn::ShiftLeft<23>(hn::BitCast(di, whole));
  p = hn::BitCast(d, hn::Add(hn::BitCast(di, p), shift));
  p = hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -86.6F)), p);
  // Infinity, or NaN as it was.
  const V beyond = hn::Mul(x, hn::Set(d, std::numeric_limits<float>::infinity()));
  return hn::IfThenElse(hn::Le(x, hn::Set(d, 88.72283F)), p, beyond);
}

/// x[i] = 2^x[i] within 1.4 · 2^-24 of it, side by side: one chain alone waits for each of its
/// steps. For x up to 127; whatever is below -125 becomes 2^-125. The polynomial is (2^r - 1) / r,
/// fitted on [-1/2, 1/2] to 2e-9.
template <std::size_t kCount, class D, class V>
HWY_INLINE void exp2_of(D d, V (&x)[kCount]) {
  const hn::RebindToSigned<D> di;
  constexpr float coefficients[] = {0x1.41fbbcp-13F,
                                    0x1.5f3e54p-10F,
                                    0x1.3b2d4cp-7F,
                                    0x1.c6aee8p-5F,
                                    0x1.ebfbdcp-3F,
                                    0x1.62e430p-1F,
                                    1.F};
  V whole[kCount];
  V power[kCount];
  const V least = hn::Set(d, -125.F);
  for (V& value : x) value = hn::IfThenElse(hn::Lt(value, least), least, value);  // NaN stays
  for (std::size_t i = 0; i < kCount; ++i) whole[i] = hn::Add(x[i], hn::Set(d, rounder));
  for (std::size_t i = 0; i < kCount; ++i)
    x[i] = hn::Sub(x[i], hn::Sub(whole[i], hn::Set(d, rounder)));
  for (V& value : power) value = hn::Set(d, coefficients[0]);
  for (std::size_t c = 1; c < std::size(coefficients); ++c)
    for (std::size_t i = 0; i < kCount; ++i)
      power[i] = hn::MulAdd(power[i], x[i], hn::Set(d, coefficients[c]));
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto shift = hn::ShiftLeft<23>(hn::BitCast(di, whole[i]));
    const V scaled = hn::BitCast(d, hn::Add(hn::BitCast(di, power[i]), shift));
    x[i] = hn::IfThenElse(hn::Eq(power[i], power[i]), scaled, power[i]);  // any NaN stays
  }
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_of(D d, V x) {
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  const V nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  const V special = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), nan);
  const V y = hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Log(d, x), special);
  return hn::IfThenElse(hn::Eq(x, infinity), infinity, y);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh_of(D d, V x) {
  return hn::IfThenElse(hn::Eq(x, x), hn::Tanh(d, x), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid_of(D d, V x) {
  const V one = hn::Set(d, 1.0F);
  return hn::Div(one, hn::Add(one, exp_of(d, hn::Neg(x))));
}

/// gelu(x) = x · s(2u) with the logistic s and u = √(2/π)(x + 0.044715 x³): the tanh form.
struct Gelu {
  static constexpr float root = 0.79788456080286535588F;
  static constexpr float cubic = 0.044715F;

  /// s(2u)
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V gate(D d, V x, V square) {
    const V inner = hn::MulAdd(square, hn::Set(d, 2 * root * cubic), hn::Set(d, 2 * root));
    return sigmoid_of(d, hn::Mul(x, inner));
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V value(D d, V x) {
    return hn::Mul(x, gate(d, x, hn::Mul(x, x)));
  }
  /// gelu'(x) = s + x s (1 - s) · 2u', given s
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V slope(D d, V x, V square, V s) {
    const V inner = hn::MulAdd(square, hn::Set(d, 6 * root * cubic), hn::Set(d, 2 * root));
    const V bent = hn::Mul(hn::Mul(x, inner), hn::NegMulAdd(s, s, s));
    return hn::Add(s, bent);
  }
};

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // GPTC_BACKENDS_ONEDNN_VECTOR_MATH_INL_H_
