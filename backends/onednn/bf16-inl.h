// f32 vectors from and to bf16 in memory, rounded to nearest even (Highway 1.0 truncates). Include
// like simd-inl.h.
#if defined(GPTC_BACKENDS_ONEDNN_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_BACKENDS_ONEDNN_BF16_INL_H_
#undef GPTC_BACKENDS_ONEDNN_BF16_INL_H_
#else
#define GPTC_BACKENDS_ONEDNN_BF16_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "backends/onednn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using HalfTag = hn::Rebind<std::uint16_t, F32>;

HWY_INLINE VF32 widen(hn::Vec<HalfTag> half) {
  const F32 d;
  const hn::RebindToUnsigned<F32> du;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, half)));
}

/// The bf16 in the upper half of each word; what the lower one holds has no meaning. NaN stays one.
HWY_INLINE hn::Vec<hn::RebindToUnsigned<F32>> rounded_bits(VF32 value) {
  const hn::RebindToUnsigned<F32> du;
  const auto bits = hn::BitCast(du, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1U));
  const auto rounded = hn::Add(bits, hn::Add(hn::Set(du, 0x7fffU), odd));
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000U));
  return hn::IfThenElse(hn::RebindMask(du, hn::Eq(value, value)), rounded, quiet);
}

HWY_INLINE hn::Vec<HalfTag> narrow(VF32 value) {
  const hn::RebindToSigned<F32> di;
  return hn::DemoteTo(HalfTag(), hn::BitCast(di, hn::ShiftRight<16>(rounded_bits(value))));
}

HWY_INLINE VF32 load_bf16(Whole /*access*/, const std::uint16_t* from) {
  return widen(hn::LoadU(HalfTag(), from));
}
HWY_INLINE VF32 load_bf16(Part access, const std::uint16_t* from) {
  HWY_ALIGN std::uint16_t lanes[hn::MaxLanes(HalfTag())] = {};
  std::memcpy(lanes, from, access.count * sizeof(*from));
  return widen(hn::Load(HalfTag(), lanes));
}

HWY_INLINE void store_bf16(Whole /*access*/, VF32 value, std::uint16_t* to) {
  hn::StoreU(narrow(value), HalfTag(), to);
}
HWY_INLINE void store_bf16(Part access, VF32 value, std::uint16_t* to) {
  HWY_ALIGN std::uint16_t lanes[hn::MaxLanes(HalfTag())];
  hn::Store(narrow(value), HalfTag(), lanes);
  std::memcpy(to, lanes, access.count * sizeof(*to));
}

// One spelling for both element types.
template <class Access>
HWY_INLINE VF32 load_any(Access access, const float* from) {
  return access.load(F32(), from);
}
template <class Access>
HWY_INLINE VF32 load_any(Access access, const std::uint16_t* from) {
  return load_bf16(access, from);
}
template <class Access>
HWY_INLINE void store_any(Access access, VF32 value, float* to) {
  access.store(F32(), value, to);
}
template <class Access>
HWY_INLINE void store_any(Access access, VF32 value, std::uint16_t* to) {
  store_bf16(access, value, to);
}

/// to[i] = from[i] * factor, each f32 or bf16.
template <class From, class To>
HWY_INLINE void scale_values(const From* from, float factor, To* to, std::int64_t size) {
  const VF32 by = hn::Set(F32(), factor);
  sweep(size, [&](std::int64_t i, auto access)
                  HWY_ATTR { store_any(access, hn::Mul(load_any(access, from + i), by), to + i); });
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per instruction set
