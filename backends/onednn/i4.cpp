// Weights of half a byte: unpacked, or multiplied as they are.
#include <algorithm>

#include "backends/onednn/skinny.h"
#include "backends/onednn/skinny_matmul.h"

namespace gptc::onednn {
namespace {

/// An item is some groups: their numbers times their scale.
class UnpackKernel final : public ItemKernel {
 public:
  UnpackKernel(const ir::Node& node, const KernelArgs& args)
      : ItemKernel(args.threads),
        q_(reinterpret_cast<const std::int8_t*>(args.operands[0])),
        scales_(reinterpret_cast<const float*>(args.operands[1])),
        out_(reinterpret_cast<float*>(args.results[0])),
        groups_(node.results[0].shape.numel() / group) {}

 private:
  static constexpr std::int64_t group = i4_group;
  static constexpr std::int64_t item_groups = 1 << 10;

  std::int64_t items() const override { return (groups_ + item_groups - 1) / item_groups; }
  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t end = std::min(groups_, (item + 1) * item_groups);
    for (std::int64_t at = item * item_groups; at < end; ++at) {
      const std::int8_t* bytes = q_ + at * group / 2;
      float* out = out_ + at * group;
      for (std::int64_t j = 0; j < group / 2; ++j) {
        const auto both = static_cast<std::uint8_t>(bytes[j]);
        out[j] = static_cast<float>(((both & 15) ^ 8) - 8) * scales_[at];
        out[j + group / 2] = static_cast<float>(((both >> 4) ^ 8) - 8) * scales_[at];
      }
    }
  }

  const std::int8_t* q_;
  const float* scales_;
  float* out_;
  std::int64_t groups_;
};

}  // namespace

KernelRow kernel_unpack_i4() {
  return {.create = [](const ir::Graph&, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
    return std::make_unique<UnpackKernel>(node, args);
  }};
}

KernelRow kernel_matmul_i4() { return {.workspace = skinny_workspace, .create = create_skinny}; }

}  // namespace gptc::onednn
