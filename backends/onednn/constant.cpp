// constant: every element is the attribute's value, written anew in each run as the arena is
// shared.
#include <algorithm>
#include <array>
#include <cstring>

#include "backends/onednn/kernel.h"
#include "backends/runtime/tensor.h"

namespace gptc::onednn {
namespace {

constexpr std::int64_t item_bytes = 1 << 16;
constexpr std::int64_t pattern_bytes = 64;

template <class T>
std::vector<std::byte> bytes_of(T value) {
  std::vector<std::byte> bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::vector<std::byte> element(ir::DType dtype, double value) {
  switch (dtype) {
    case ir::DType::f64:
      return bytes_of(value);
    case ir::DType::f32:
      return bytes_of(static_cast<float>(value));
    case ir::DType::bf16:
      return bytes_of(runtime::f32_to_bf16(static_cast<float>(value)));
    case ir::DType::i64:
      return bytes_of(static_cast<std::int64_t>(value));
    case ir::DType::i32:
      return bytes_of(static_cast<std::int32_t>(value));
    case ir::DType::i8:
      return bytes_of(static_cast<std::int8_t>(value));
  }
  ir::internal_error("constant: unknown element type");
}

class ConstantKernel final : public ItemKernel {
 public:
  ConstantKernel(const ir::Node& node, const KernelArgs& args)
      : ItemKernel(args.threads), result_(args.results[0]), bytes_(node.results[0].bytes()) {
    const auto one = element(node.results[0].dtype, node.attrs.real("value"));
    for (std::size_t i = 0; i < pattern_.size(); ++i) pattern_[i] = one[i % one.size()];
  }

 private:
  std::int64_t items() const override { return (bytes_ + item_bytes - 1) / item_bytes; }
  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t end = std::min(bytes_, (item + 1) * item_bytes);
    std::int64_t at = item * item_bytes;
    for (; at + pattern_bytes <= end; at += pattern_bytes)
      std::memcpy(result_ + at, pattern_.data(), pattern_bytes);
    std::memcpy(result_ + at, pattern_.data(), static_cast<std::size_t>(end - at));
  }

  std::byte* result_;
  std::int64_t bytes_;
  std::array<std::byte, pattern_bytes> pattern_{};  // whole elements
};

}  // namespace

KernelRow kernel_constant() {
  return {.create = [](const ir::Graph&, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
    return std::make_unique<ConstantKernel>(node, args);
  }};
}

}  // namespace gptc::onednn
