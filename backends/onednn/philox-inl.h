// Philox4x32-10 (Salmon et al., SC 2011), a block per 64-bit lane: the stream of ir/README.md.
#if defined(GPTC_BACKENDS_ONEDNN_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_BACKENDS_ONEDNN_PHILOX_INL_H_
#undef GPTC_BACKENDS_ONEDNN_PHILOX_INL_H_
#else
#define GPTC_BACKENDS_ONEDNN_PHILOX_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "backends/runtime/philox.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Words that philox_words may write beyond the number asked for.
inline constexpr std::size_t philox_slack = 3 + 4 * hn::MaxLanes(hn::ScalableTag<std::uint64_t>());

#if HWY_TARGET == HWY_SCALAR

HWY_INLINE const std::uint32_t* philox_words(std::uint64_t first, std::size_t count,
                                             std::uint64_t counter, std::uint64_t key,
                                             std::uint32_t* out) {
  const std::size_t skip = first % 4;
  for (std::size_t i = 0; i < skip + count; i += 4) {
    const auto words = runtime::philox_block((first + i) / 4, counter, key);
    for (std::size_t word = 0; word < 4; ++word) out[i + word] = words[word];
  }
  return out + skip;
}

#else

using U64 = hn::ScalableTag<std::uint64_t>;
using U32 = hn::Repartition<std::uint32_t, U64>;
using VU64 = hn::Vec<U64>;

/// The four words of each lane's block, in the lanes' low halves; the high halves hold rubbish.
struct PhiloxWords {
  VU64 c0, c1, c2, c3;
};

/// Low halves multiplied to 64 bits.
HWY_INLINE VU64 multiply_low(VU64 a, VU64 b) {
  return hn::MulEven(hn::BitCast(U32(), a), hn::BitCast(U32(), b));
}

HWY_INLINE void philox_round(PhiloxWords& w, VU64 k0, VU64 k1) {
  const U64 d;
  const VU64 a = multiply_low(w.c0, hn::Set(d, 0xD2511F53));
  const VU64 b = multiply_low(w.c2, hn::Set(d, 0xCD9E8D57));
  w.c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(b), w.c1), k0);
  w.c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(a), w.c3), k1);
  w.c1 = b;
  w.c3 = a;
}

/// Pairs of words as they lie in memory.
HWY_INLINE VU64 join_words(VU64 low, VU64 high) {
  return hn::Or(hn::And(low, hn::Set(U64(), 0xFFFFFFFF)), hn::ShiftLeft<32>(high));
}

/// Words of the elements [first, first + count). Writes from out[0], which needs room for
/// count + philox_slack words; returns where the word of `first` lies (at most 3 behind).
HWY_INLINE const std::uint32_t* philox_words(std::uint64_t first, std::size_t count,
                                             std::uint64_t counter, std::uint64_t key,
                                             std::uint32_t* out) {
  const U64 d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t skip = first % 4;
  // Even lanes take the first half of the blocks and odd lanes the second: then interleaving inside
  // 128 bits yields the words in order.
  const VU64 lane = hn::Iota(d, 0);
  const VU64 odd = hn::And(lane, hn::Set(d, 1));
  const VU64 half = hn::Set(d, lanes / 2);
  const VU64 place = hn::Add(hn::ShiftRight<1>(lane), hn::And(half, hn::Sub(hn::Zero(d), odd)));
  const VU64 counter_low = hn::Set(d, counter & 0xFFFFFFFF);
  const VU64 counter_high = hn::Set(d, counter >> 32);
  const auto key_low = static_cast<std::uint32_t>(key);
  const auto key_high = static_cast<std::uint32_t>(key >> 32);
  for (std::size_t i = 0; i < skip + count; i += 4 * lanes) {
    const VU64 block = hn::Add(hn::Set(d, (first + i) / 4), place);
    PhiloxWords w{block, hn::ShiftRight<32>(block), counter_low, counter_high};
    std::uint32_t k0 = key_low;
    std::uint32_t k1 = key_high;
    for (int round = 0; round < 10; ++round) {
      philox_round(w, hn::Set(d, k0), hn::Set(d, k1));
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    const VU64 front = join_words(w.c0, w.c1);
    const VU64 back = join_words(w.c2, w.c3);
    auto* to = reinterpret_cast<std::uint64_t*>(out + i);
    hn::StoreU(hn::InterleaveLower(d, front, back), d, to);
    hn::StoreU(hn::InterleaveUpper(d, front, back), d, to + lanes);
  }
  return out + skip;
}

#endif  // HWY_TARGET == HWY_SCALAR

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // GPTC_BACKENDS_ONEDNN_PHILOX_INL_H_
