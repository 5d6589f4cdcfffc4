// cast: round to nearest even between floats; floats to integers truncate.
#include <algorithm>
#include <array>
#include <cmath>

#include "backends/onednn/kernel.h"
#include "backends/onednn/rows.h"
#include "backends/runtime/tensor.h"

namespace gptc::onednn {
namespace {

using ir::DType;

constexpr std::int64_t item_elements = 1 << 15;

using CastFn = void (*)(const std::byte* from, std::byte* to, std::int64_t begin, std::int64_t end);

// Element types as C++ sees them; bf16 is a type of its own.
struct Bf16 {
  std::uint16_t bits;
};
float load(Bf16 value) { return runtime::bf16_to_f32(value.bits); }
template <class T>
T load(T value) {
  return value;
}
/// Out of range and NaN become the nearest limit and 0, so that nothing is undefined.
template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, Bf16>) {
    return {runtime::f32_to_bf16(static_cast<float>(value))};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    const auto low = static_cast<From>(std::numeric_limits<To>::min());
    if (std::isnan(value)) return 0;
    if (value <= low) return std::numeric_limits<To>::min();
    if (value >= -low) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

template <class From, class To>
void cast_range(const std::byte* from, std::byte* to, std::int64_t begin, std::int64_t end) {
  if constexpr (std::is_same_v<From, float> && std::is_same_v<To, Bf16>) {
    static const RowFn run = cast_rows(DType::f32, DType::bf16);
    return cast_row(run, from + begin * 4, to + begin * 2, end - begin);
  } else if constexpr (std::is_same_v<From, Bf16> && std::is_same_v<To, float>) {
    static const RowFn run = cast_rows(DType::bf16, DType::f32);
    return cast_row(run, from + begin * 2, to + begin * 4, end - begin);
  }
  const auto* x = reinterpret_cast<const From*>(from);
  auto* y = reinterpret_cast<To*>(to);
  for (std::int64_t i = begin; i < end; ++i) y[i] = convert<To>(load(x[i]));
}

template <class From>
CastFn cast_from(DType to) {
  constexpr std::array<std::pair<DType, CastFn>, 5> targets = {{
      {DType::f32, cast_range<From, float>},
      {DType::bf16, cast_range<From, Bf16>},
      {DType::i64, cast_range<From, std::int64_t>},
      {DType::i32, cast_range<From, std::int32_t>},
      {DType::i8, cast_range<From, std::int8_t>},
  }};
  const auto found = std::ranges::find(targets, to, &std::pair<DType, CastFn>::first);
  return found == targets.end() ? nullptr : found->second;
}

/// Null where one of the types is not one of this backend.
CastFn find_cast(DType from, DType to) {
  using FromFn = CastFn (*)(DType);
  constexpr std::array<std::pair<DType, FromFn>, 5> sources = {{
      {DType::f32, cast_from<float>},
      {DType::bf16, cast_from<Bf16>},
      {DType::i64, cast_from<std::int64_t>},
      {DType::i32, cast_from<std::int32_t>},
      {DType::i8, cast_from<std::int8_t>},
  }};
  const auto found = std::ranges::find(sources, from, &std::pair<DType, FromFn>::first);
  return found == sources.end() ? nullptr : found->second(to);
}

class CastKernel final : public ItemKernel {
 public:
  CastKernel(CastFn cast, std::int64_t size, const KernelArgs& args)
      : ItemKernel(args.threads), cast_(cast), size_(size), args_(args) {}

 private:
  std::int64_t items() const override { return (size_ + item_elements - 1) / item_elements; }
  void run(std::int64_t item, std::byte* /*scratch*/) override {
    cast_(args_.operands[0], args_.results[0], item * item_elements,
          std::min(size_, (item + 1) * item_elements));
  }

  CastFn cast_;
  std::int64_t size_;
  KernelArgs args_;
};

CastFn cast_of(const ir::Graph& graph, const ir::Node& node) {
  return find_cast(graph.type(node.operands[0]).dtype, node.results[0].dtype);
}

}  // namespace

KernelRow kernel_cast() {
  return {.supports = [](const ir::Graph& graph,
                         const ir::Node& node) { return cast_of(graph, node) != nullptr; },
          .create = [](const ir::Graph& graph, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            return std::make_unique<CastKernel>(cast_of(graph, node), node.results[0].shape.numel(),
                                                args);
          }};
}

}  // namespace gptc::onednn
