// clip_scale, and adamw in one sweep over parameter, gradient and moments.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/optimizer.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/onednn/adamw.h"
#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/kernel.h"
#include "backends/onednn/rows.h"
#include "backends/onednn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {

/// Loshchilov and Hutter (2019), algorithm 2, eps outside the root.
template <class Grad>  // float, or uint16_t for bf16
HWY_INLINE void adamw_sweep(const AdamwStep& s, const AdamwTensors& t, const Grad* grad,
                            std::int64_t size) {
  const F32 d;
  const VF32 scale = hn::Set(d, s.scale);
  const VF32 beta1 = hn::Set(d, s.beta1);
  const VF32 beta2 = hn::Set(d, s.beta2);
  const VF32 rest1 = hn::Set(d, s.rest1);
  const VF32 rest2 = hn::Set(d, s.rest2);
  const VF32 rate = hn::Set(d, s.lr / s.correction1);
  const VF32 root = hn::Set(d, 1 / s.correction2);
  const VF32 eps = hn::Set(d, s.eps);
  const VF32 keep = hn::Set(d, 1 - s.lr * s.weight_decay);
  sweep(size, [&](std::int64_t i, auto access) HWY_ATTR {
    const VF32 g = hn::Mul(load_any(access, grad + i), scale);
    const VF32 m = hn::MulAdd(beta1, access.load(d, t.m + i), hn::Mul(rest1, g));
    const VF32 v = hn::MulAdd(beta2, access.load(d, t.v + i), hn::Mul(rest2, hn::Mul(g, g)));
    const VF32 below = hn::Add(hn::Sqrt(hn::Mul(v, root)), eps);
    const VF32 kept = hn::Mul(keep, access.load(d, t.param + i));
    const VF32 param = hn::Sub(kept, hn::Div(hn::Mul(rate, m), below));
    if (t.m_out != nullptr) access.store(d, m, t.m_out + i);
    if (t.v_out != nullptr) access.store(d, v, t.v_out + i);
    if (t.param_out != nullptr) access.store(d, param, t.param_out + i);
  });
}

void adamw_range(const AdamwStep& s, const AdamwTensors& t, std::int64_t size) {
  if (t.bf16_grad != nullptr) {
    adamw_sweep(s, t, t.bf16_grad, size);
  } else {
    adamw_sweep(s, t, t.grad, size);
  }
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(adamw_range);

namespace {

constexpr std::int64_t item_elements = 1 << 15;

class AdamwKernel final : public ItemKernel {
 public:
  AdamwKernel(const ir::Graph& graph, const ir::Node& node, const KernelArgs& args)
      : ItemKernel(args.threads),
        args_(args),
        grad_dtype_(graph.type(node.operands[1]).dtype),
        size_(node.results[0].shape.numel()),
        beta1_(node.attrs.real("beta1")),
        beta2_(node.attrs.real("beta2")),
        eps_(node.attrs.real("eps")),
        decay_(node.attrs.real("weight_decay")),
        range_(HWY_DYNAMIC_DISPATCH(adamw_range)) {}

 private:
  // Operands param, grad, m, v, scale, lr, step.
  const float* operand(std::size_t i) const {
    return reinterpret_cast<const float*>(args_.operands[i]);
  }
  const std::uint16_t* bf16_grad() const {
    return reinterpret_cast<const std::uint16_t*>(args_.operands[1]);
  }
  float* result(std::size_t i) const { return reinterpret_cast<float*>(args_.results[i]); }
  float* result_at(std::size_t i, std::int64_t first) const {
    return result(i) == nullptr ? nullptr : result(i) + first;
  }

  std::int64_t items() const override { return (size_ + item_elements - 1) / item_elements; }

  AdamwStep step() const {
    const auto t =
        static_cast<double>(*reinterpret_cast<const std::int64_t*>(args_.operands[6])) + 1;
    return {.scale = *operand(4),
            .lr = *operand(5),
            .beta1 = static_cast<float>(beta1_),
            .beta2 = static_cast<float>(beta2_),
            .rest1 = static_cast<float>(1 - beta1_),
            .rest2 = static_cast<float>(1 - beta2_),
            .correction1 = static_cast<float>(1 - std::pow(beta1_, t)),
            .correction2 = static_cast<float>(1 - std::pow(beta2_, t)),
            .eps = static_cast<float>(eps_),
            .weight_decay = static_cast<float>(decay_)};
  }

  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t first = item * item_elements;
    const std::int64_t size = std::min(item_elements, size_ - first);
    const AdamwStep now = step();
    if (!std::isfinite(now.scale)) {
      for (std::size_t i = 0; i < 3; ++i) {
        const float* from = operand(i == 0 ? 0 : i + 1) + first;
        if (result(i) != nullptr && result(i) + first != from)
          std::copy_n(from, size, result(i) + first);
      }
      return;
    }
    range_(now,
           {.param = operand(0) + first,
            .grad = grad_dtype_ == ir::DType::f32 ? operand(1) + first : nullptr,
            .bf16_grad = grad_dtype_ == ir::DType::bf16 ? bf16_grad() + first : nullptr,
            .m = operand(2) + first,
            .v = operand(3) + first,
            .param_out = result_at(0, first),
            .m_out = result_at(1, first),
            .v_out = result_at(2, first)},
           size);
  }

  KernelArgs args_;
  ir::DType grad_dtype_;
  std::int64_t size_;
  double beta1_;
  double beta2_;
  double eps_;
  double decay_;
  void (*range_)(const AdamwStep& step, const AdamwTensors& tensors, std::int64_t size);
};

/// Pascanu et al. (2013): min(1, max_norm / (√ss + 1e-6)).
class ClipScale final : public Kernel {
 public:
  ClipScale(const ir::Node& node, const KernelArgs& args)
      : max_norm_(static_cast<float>(node.attrs.real("max_norm"))),
        sum_(reinterpret_cast<const float*>(args.operands[0])),
        out_(reinterpret_cast<float*>(args.results[0])) {}

  void execute() override {
    float scale = 1;
    if (max_norm_ != 0) scale = std::min(1.0F, max_norm_ / (std::sqrt(*sum_) + 1e-6F));
    *out_ = std::isfinite(*sum_) ? scale : std::numeric_limits<float>::quiet_NaN();
  }

 private:
  float max_norm_;
  const float* sum_;
  float* out_;
};

}  // namespace

KernelRow kernel_clip_scale() {
  return {.supports = all_f32,
          .create = [](const ir::Graph&, const ir::Node& node, const KernelArgs& args)
              -> std::unique_ptr<Kernel> { return std::make_unique<ClipScale>(node, args); }};
}

KernelRow kernel_adamw() {
  return {.supports = [](const ir::Graph&,
                         const ir::Node& node) { return node.results[0].dtype == ir::DType::f32; },
          .create = [](const ir::Graph& graph, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            return std::make_unique<AdamwKernel>(graph, node, args);
          }};
}

}  // namespace gptc::onednn
#endif
