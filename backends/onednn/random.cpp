// dropout, random_normal, random_uniform: Philox words made into masks and numbers.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/random.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>
#include <numbers>

#include "backends/onednn/philox-inl.h"
#include "backends/onednn/row_program.h"
#include "backends/onednn/rows.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace {

constexpr std::int64_t batch = 512;  // words made at a time

struct Keep {
  std::uint64_t counter;
  const RowParams& params;
};

/// y = x · keep_scale where the element's word is at least the threshold, else 0.
void dropout_row(const float* x, float* y, std::int64_t cols, std::uint64_t first,
                 const Keep& keep) {
  const F32 d;
  const hn::RebindToUnsigned<F32> du;
  const VF32 scale = hn::Set(d, keep.params.keep_scale);
  const auto threshold = hn::Set(du, keep.params.keep_threshold);
  HWY_ALIGN std::uint32_t buffer[batch + philox_slack];
  for (std::int64_t begin = 0; begin < cols; begin += batch) {
    const std::int64_t count = std::min(batch, cols - begin);
    const std::uint32_t* words =
        philox_words(first + static_cast<std::uint64_t>(begin), static_cast<std::size_t>(count),
                     keep.counter, keep.params.rng_key, buffer);
    const float* from = x + begin;
    float* to = y + begin;
    sweep(count, [&](std::int64_t i, auto access) HWY_ATTR {
      const auto dropped = hn::Lt(access.load(du, words + i), threshold);
      const VF32 kept = hn::Mul(access.load(d, from + i), scale);
      access.store(d, hn::IfThenZeroElse(hn::RebindMask(d, dropped), kept), to + i);
    });
  }
}

/// Operands x, counter.
void dropout_tile(const RowTile& tile) {
  std::int64_t counter = 0;
  std::memcpy(&counter, tile.operands[1].data, sizeof(counter));
  const Keep keep{static_cast<std::uint64_t>(counter), *tile.params};
  const RowArg& x = tile.operands[0];
  const RowArg& y = tile.results[0];
  const bool flat =
      tile.pitch == tile.cols && x.row_stride == tile.cols && y.row_stride == tile.cols;
  const std::int64_t cols = flat ? tile.rows * tile.cols : tile.cols;
  for (std::int64_t r = 0; r < (flat ? 1 : tile.rows); ++r)
    dropout_row(x.row(r), y.row(r), cols, static_cast<std::uint64_t>(tile.first + r * tile.pitch),
                keep);
}

constexpr RowFunction functions[] = {{ir::OpKind::dropout, dropout_tile}};

using F64 = hn::ScalableTag<double>;
using VF64 = hn::Vec<F64>;

/// A word in each 64-bit lane as a number in [0, 1): 2^52 + word is exact in the mantissa.
template <class V>
HWY_INLINE VF64 fraction_of(V word) {
  const F64 d;
  const hn::RebindToUnsigned<F64> du;
  const auto bits = hn::Or(word, hn::Set(du, 0x4330000000000000ULL));
  return hn::Mul(hn::Sub(hn::BitCast(d, bits), hn::Set(d, 0x1p52)), hn::Set(d, 0x1p-32));
}

void store_pairs(VF64 even, VF64 odd, std::int64_t lanes, float* out) {
  const F64 d;
  HWY_ALIGN double evens[hn::MaxLanes(F64())];
  HWY_ALIGN double odds[hn::MaxLanes(F64())];
  hn::Store(even, d, evens);
  hn::Store(odd, d, odds);
  for (std::int64_t i = 0; i < lanes; ++i) {
    out[2 * i] = static_cast<float>(evens[i]);
    out[2 * i + 1] = static_cast<float>(odds[i]);
  }
}

/// Box and Muller over the pair (even, odd) of words, scaled.
struct Normal {
  static HWY_INLINE void make(VF64& even, VF64& odd, VF64 mean, VF64 spread) {
    const F64 d;
    const VF64 open = hn::Add(even, hn::Set(d, 0x1p-32));
    const VF64 radius = hn::Mul(spread, hn::Sqrt(hn::Mul(hn::Set(d, -2.0), hn::Log(d, open))));
    const VF64 angle = hn::Mul(hn::Set(d, 2 * std::numbers::pi), odd);
    even = hn::MulAdd(radius, hn::Cos(d, angle), mean);
    odd = hn::MulAdd(radius, hn::Sin(d, angle), mean);
  }
};

struct Uniform {
  static HWY_INLINE void make(VF64& even, VF64& odd, VF64 low, VF64 spread) {
    even = hn::MulAdd(even, spread, low);
    odd = hn::MulAdd(odd, spread, low);
  }
};

/// Fills out with the numbers of elements [first, first + count); first is a multiple of 4 and out
/// has room for `batch` + 2 lanes.
template <class Distribution>
HWY_INLINE void numbers(std::uint64_t key, std::uint64_t first, std::int64_t count, double base,
                        double spread, float* out) {
  const F64 d;
  const hn::RebindToUnsigned<F64> du;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN std::uint32_t words[batch + philox_slack + 2 * hn::MaxLanes(F64())] = {};
  philox_words(first, static_cast<std::size_t>(count), 0, key, words);
  for (std::int64_t i = 0; i < count; i += 2 * lanes) {
    HWY_ALIGN std::uint64_t evens[hn::MaxLanes(F64())];
    HWY_ALIGN std::uint64_t odds[hn::MaxLanes(F64())];
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      evens[lane] = words[i + 2 * lane];
      odds[lane] = words[i + 2 * lane + 1];
    }
    VF64 even = fraction_of(hn::Load(du, evens));
    VF64 odd = fraction_of(hn::Load(du, odds));
    Distribution::make(even, odd, hn::Set(d, base), hn::Set(d, spread));
    store_pairs(even, odd, lanes, out + i);
  }
}

template <class Distribution>
void fill_random(std::uint64_t key, std::int64_t first, std::int64_t count, double base,
                 double spread, float* out) {
  HWY_ALIGN float buffer[batch + 2 * hn::MaxLanes(F64())];
  for (std::int64_t done = 0; done < count; done += batch) {
    const std::int64_t part = std::min(batch, count - done);
    numbers<Distribution>(key, static_cast<std::uint64_t>(first + done), part, base, spread,
                          buffer);
    std::copy_n(buffer, part, out + done);
  }
}

}  // namespace

std::span<const RowFunction> dropout_of_target() { return functions; }

void fill_normal(std::uint64_t key, std::int64_t first, std::int64_t count, double mean,
                 double deviation, float* out) {
  fill_random<Normal>(key, first, count, mean, deviation, out);
}
void fill_uniform(std::uint64_t key, std::int64_t first, std::int64_t count, double low,
                  double width, float* out) {
  fill_random<Uniform>(key, first, count, low, width, out);
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(dropout_of_target);
HWY_EXPORT(fill_normal);
HWY_EXPORT(fill_uniform);

std::span<const RowFunction> dropout_rows() { return HWY_DYNAMIC_DISPATCH(dropout_of_target)(); }

namespace {

constexpr std::int64_t item_elements = 1 << 15;

class RandomKernel final : public ItemKernel {
 public:
  using Fill = void (*)(std::uint64_t key, std::int64_t first, std::int64_t count, double base,
                        double spread, float* out);
  RandomKernel(const ir::Node& node, const KernelArgs& args, Fill fill, double base, double spread)
      : ItemKernel(args.threads),
        fill_(fill),
        key_(node.attrs.key("rng_key")),
        base_(base),
        spread_(spread),
        size_(node.results[0].shape.numel()),
        out_(reinterpret_cast<float*>(args.results[0])) {}

 private:
  std::int64_t items() const override { return (size_ + item_elements - 1) / item_elements; }
  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t first = item * item_elements;
    fill_(key_, first, std::min(item_elements, size_ - first), base_, spread_, out_ + first);
  }

  Fill fill_;
  std::uint64_t key_;
  double base_;
  double spread_;
  std::int64_t size_;
  float* out_;
};

}  // namespace

KernelRow kernel_dropout() { return row_kernel(); }

KernelRow kernel_random_normal() {
  return {.supports = all_f32,
          .create = [](const ir::Graph&, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            return std::make_unique<RandomKernel>(node, args, HWY_DYNAMIC_DISPATCH(fill_normal),
                                                  node.attrs.real("mean"), node.attrs.real("std"));
          }};
}

KernelRow kernel_random_uniform() {
  return {.supports = all_f32,
          .create = [](const ir::Graph&, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            const double low = node.attrs.real("low");
            return std::make_unique<RandomKernel>(node, args, HWY_DYNAMIC_DISPATCH(fill_uniform),
                                                  low, node.attrs.real("high") - low);
          }};
}

}  // namespace gptc::onednn
#endif
