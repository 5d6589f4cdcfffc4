// Loops over f32 vectors with exact tails, compiled once per instruction set. Include after
// hwy/highway.h inside a file that includes itself through hwy/foreach_target.h.
#if defined(GPTC_BACKENDS_ONEDNN_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_BACKENDS_ONEDNN_SIMD_INL_H_
#undef GPTC_BACKENDS_ONEDNN_SIMD_INL_H_
#else
#define GPTC_BACKENDS_ONEDNN_SIMD_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using VF32 = hn::Vec<F32>;

/// How a loop body touches memory: whole vectors,
struct Whole {
  template <class D>
  HWY_INLINE hn::Vec<D> load(D d, const hn::TFromD<D>* from) const {
    return hn::LoadU(d, from);
  }
  /// Lanes past the end hold `other`.
  template <class D>
  HWY_INLINE hn::Vec<D> load_or(D d, const hn::TFromD<D>* from, hn::Vec<D> /*other*/) const {
    return hn::LoadU(d, from);
  }
  template <class D>
  HWY_INLINE void store(D d, hn::Vec<D> value, hn::TFromD<D>* to) const {
    hn::StoreU(value, d, to);
  }
  /// Zero in lanes past the end.
  template <class D>
  HWY_INLINE hn::Vec<D> keep(D /*d*/, hn::Vec<D> value) const {
    return value;
  }
};

/// or the first `count` lanes; not a byte past them is read or written.
struct Part {
  std::size_t count;

  template <class D>
  HWY_INLINE hn::Vec<D> load(D d, const hn::TFromD<D>* from) const {
    return load_or(d, from, hn::Zero(d));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> load_or(D d, const hn::TFromD<D>* from, hn::Vec<D> other) const {
#if HWY_MEM_OPS_MIGHT_FAULT
    HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(D())];
    hn::Store(other, d, lanes);
    std::memcpy(lanes, from, count * sizeof(*from));
    return hn::Load(d, lanes);
#else
    const auto mask = hn::FirstN(d, count);
    return hn::IfThenElse(mask, hn::MaskedLoad(mask, d, from), other);
#endif
  }
  template <class D>
  HWY_INLINE void store(D d, hn::Vec<D> value, hn::TFromD<D>* to) const {
#if HWY_MEM_OPS_MIGHT_FAULT
    HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(D())];
    hn::Store(value, d, lanes);
    std::memcpy(to, lanes, count * sizeof(*to));
#else
    hn::BlendedStore(value, hn::FirstN(d, count), d, to);
#endif
  }
  template <class D>
  HWY_INLINE hn::Vec<D> keep(D d, hn::Vec<D> value) const {
    return hn::IfThenElseZero(hn::FirstN(d, count), value);
  }
};

/// body(i, access) for every vector of [0, size); the last may be a Part.
template <class Body>
HWY_INLINE void sweep(std::int64_t size, const Body& body) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(F32()));
  std::int64_t i = 0;
  for (; i + lanes <= size; i += lanes) body(i, Whole{});
  if (i < size) body(i, Part{static_cast<std::size_t>(size - i)});
}

/// Folds [0, size) with four running vectors: acc = body(acc, i, access), joined by join(a, b).
/// The order depends on the size alone.
template <class Join, class Body>
HWY_INLINE VF32 fold(std::int64_t size, VF32 start, const Join& join, const Body& body) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(F32()));
  VF32 a = start;
  VF32 b = start;
  VF32 c = start;
  VF32 d = start;
  std::int64_t i = 0;
  for (; i + 4 * lanes <= size; i += 4 * lanes) {
    a = body(a, i, Whole{});
    b = body(b, i + lanes, Whole{});
    c = body(c, i + 2 * lanes, Whole{});
    d = body(d, i + 3 * lanes, Whole{});
  }
  for (; i + lanes <= size; i += lanes) a = body(a, i, Whole{});
  if (i < size) b = body(b, i, Part{static_cast<std::size_t>(size - i)});
  return join(join(a, b), join(c, d));
}

struct AddVectors {
  HWY_INLINE VF32 operator()(VF32 a, VF32 b) const { return hn::Add(a, b); }
};
/// The larger, or a NaN if either is one.
struct MaxVectors {
  HWY_INLINE VF32 operator()(VF32 a, VF32 b) const {
    const VF32 larger = hn::IfThenElse(hn::Gt(a, b), a, b);
    return hn::IfThenElse(hn::Eq(a, a), larger, a);
  }
};

/// Σ over [0, size) of body(i, access), whose lanes past the end must be 0.
template <class Body>
HWY_INLINE float sum_of(std::int64_t size, const Body& body) {
  const F32 d;
  return hn::GetLane(hn::SumOfLanes(
      d, fold(size, hn::Zero(d), AddVectors{}, [&](VF32 acc, std::int64_t i, auto access) HWY_ATTR {
        return hn::Add(acc, body(i, access));
      })));
}

HWY_INLINE float sum_row(const float* x, std::int64_t size) {
  return sum_of(size,
                [&](std::int64_t i, auto access) HWY_ATTR { return access.load(F32(), x + i); });
}

/// -inf for no elements, NaN if there is one.
HWY_INLINE float max_row(const float* x, std::int64_t size) {
  const F32 d;
  const VF32 least = hn::Set(d, -HUGE_VALF);
  const VF32 most =
      fold(size, least, MaxVectors{}, [&](VF32 acc, std::int64_t i, auto access) HWY_ATTR {
        return MaxVectors{}(acc, access.load_or(d, x + i, least));
      });
  if (!hn::AllTrue(d, hn::Eq(most, most))) return __builtin_nanf("");
  return hn::GetLane(hn::MaxOfLanes(d, most));
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // GPTC_BACKENDS_ONEDNN_SIMD_INL_H_
