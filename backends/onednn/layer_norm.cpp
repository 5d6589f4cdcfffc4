// layer_norm and its gradients: y = gain · (x - mean) · rstd + bias over the last axis.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/layer_norm.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "backends/onednn/row_program.h"
#include "backends/onednn/rows.h"
#include "backends/onednn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace {

/// Operands x, gain, bias; results y, mean, rstd (each may be null).
void layer_norm_tile(const RowTile& tile) {
  const F32 d;
  const std::int64_t cols = tile.cols;
  const RowArg* results = tile.results;
  const auto count = static_cast<float>(cols);
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    const float* x = tile.operands[0].row(r);
    const float* gain = tile.operands[1].data;
    const float* bias = tile.operands[2].data;
    const float mean = sum_row(x, cols) / count;
    const VF32 means = hn::Set(d, mean);
    const float squares = sum_of(cols, [&](std::int64_t i, auto access) HWY_ATTR {
      const VF32 centred = access.keep(d, hn::Sub(access.load(d, x + i), means));
      return hn::Mul(centred, centred);
    });
    const float rstd = 1.0F / std::sqrt(squares / count + tile.params->eps);
    if (results[1].data != nullptr) *results[1].row(r) = mean;
    if (results[2].data != nullptr) *results[2].row(r) = rstd;
    if (results[0].data == nullptr) continue;
    float* y = results[0].row(r);
    const VF32 rstds = hn::Set(d, rstd);
    sweep(cols, [&](std::int64_t i, auto access) HWY_ATTR {
      const VF32 normal = hn::Mul(hn::Sub(access.load(d, x + i), means), rstds);
      access.store(d, hn::MulAdd(normal, access.load(d, gain + i), access.load(d, bias + i)),
                   y + i);
    });
  }
}

/// Operands dy, x, gain, mean, rstd; result dx = rstd (g - mean(g) - n mean(g n)) with g = dy gain
/// and n = (x - mean) rstd.
void layer_norm_grad_tile(const RowTile& tile) {
  const F32 d;
  const std::int64_t cols = tile.cols;
  const auto count = static_cast<float>(cols);
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    const float* dy = tile.operands[0].row(r);
    const float* x = tile.operands[1].row(r);
    const float* gain = tile.operands[2].data;
    const float rstd = *tile.operands[4].row(r);
    const VF32 means = hn::Set(d, *tile.operands[3].row(r));
    VF32 sum_g = hn::Zero(d);
    VF32 sum_gn = hn::Zero(d);
    sweep(cols, [&](std::int64_t i, auto access) HWY_ATTR {
      const VF32 g = hn::Mul(access.load(d, dy + i), access.load(d, gain + i));
      sum_g = hn::Add(sum_g, g);
      sum_gn = hn::MulAdd(g, hn::Sub(access.load(d, x + i), means), sum_gn);
    });
    const float mean_g = hn::GetLane(hn::SumOfLanes(d, sum_g)) / count;
    const float mean_gn = hn::GetLane(hn::SumOfLanes(d, sum_gn)) * rstd / count;
    float* dx = tile.results[0].row(r);
    const VF32 rstds = hn::Set(d, rstd);
    const VF32 shift = hn::Set(d, mean_g);
    const VF32 slope = hn::Set(d, mean_gn * rstd);
    sweep(cols, [&](std::int64_t i, auto access) HWY_ATTR {
      const VF32 g = hn::Mul(access.load(d, dy + i), access.load(d, gain + i));
      const VF32 centred = hn::Sub(access.load(d, x + i), means);
      access.store(d, hn::Mul(rstds, hn::NegMulAdd(centred, slope, hn::Sub(g, shift))), dx + i);
    });
  }
}

constexpr RowFunction functions[] = {
    {ir::OpKind::layer_norm, layer_norm_tile},
    {ir::OpKind::layer_norm_grad, layer_norm_grad_tile},
};

}  // namespace

std::span<const RowFunction> layer_norm_of_target() { return functions; }

/// dgain += dy · (x - mean) · rstd, dbias += dy over one row; either sum may be null.
void add_param_grads(const float* dy, const float* x, float mean, float rstd, std::int64_t cols,
                     float* dgain, float* dbias) {
  const F32 d;
  const VF32 means = hn::Set(d, mean);
  const VF32 rstds = hn::Set(d, rstd);
  sweep(cols, [&](std::int64_t i, auto access) HWY_ATTR {
    const VF32 gradient = access.load(d, dy + i);
    const VF32 normal = hn::Mul(hn::Sub(access.load(d, x + i), means), rstds);
    access.store(d, hn::MulAdd(gradient, normal, access.load(d, dgain + i)), dgain + i);
    access.store(d, hn::Add(access.load(d, dbias + i), gradient), dbias + i);
  });
}

void add_row(const float* from, std::int64_t cols, float* to) {
  sweep(cols, [&](std::int64_t i, auto access) HWY_ATTR {
    const F32 d;
    access.store(d, hn::Add(access.load(d, to + i), access.load(d, from + i)), to + i);
  });
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(layer_norm_of_target);
HWY_EXPORT(add_param_grads);
HWY_EXPORT(add_row);

std::span<const RowFunction> layer_norm_rows() {
  return HWY_DYNAMIC_DISPATCH(layer_norm_of_target)();
}

namespace {

/// Rows of an item: at most 32 items, so that their sums stay small beside the operands.
std::int64_t rows_per_item(std::int64_t rows) {
  return std::max<std::int64_t>(16, (rows + 31) / 32);
}
std::int64_t item_count(std::int64_t rows) {
  return (rows + rows_per_item(rows) - 1) / rows_per_item(rows);
}

class LayerNormParamGrad final : public ItemKernel {
 public:
  LayerNormParamGrad(const ir::Shape& x, const KernelArgs& args)
      : ItemKernel(args.threads),
        args_(args),
        rows_(x.rows()),
        cols_(x.back().size()),
        partials_(reinterpret_cast<float*>(args.workspace)) {}

 private:
  std::int64_t items() const override { return item_count(rows_); }

  void run(std::int64_t item, std::byte* /*scratch*/) override {
    float* dgain = partials_ + item * 2 * cols_;
    std::fill_n(dgain, 2 * cols_, 0.0F);
    const std::int64_t first = item * rows_per_item(rows_);
    const std::int64_t end = std::min(rows_, first + rows_per_item(rows_));
    for (std::int64_t row = first; row < end; ++row) {
      HWY_DYNAMIC_DISPATCH(add_param_grads)
      (operand(0) + row * cols_, operand(1) + row * cols_, operand(2)[row], operand(3)[row], cols_,
       dgain, dgain + cols_);
    }
  }

  void finish() override {
    for (std::int64_t which = 0; which < 2; ++which) {
      auto* sum = reinterpret_cast<float*>(args_.results[static_cast<std::size_t>(which)]);
      if (sum == nullptr) continue;
      std::fill_n(sum, cols_, 0.0F);
      for (std::int64_t item = 0; item < items(); ++item)
        HWY_DYNAMIC_DISPATCH(add_row)(partials_ + (2 * item + which) * cols_, cols_, sum);
    }
  }

  const float* operand(std::size_t i) const {
    return reinterpret_cast<const float*>(args_.operands[i]);
  }

  KernelArgs args_;
  std::int64_t rows_;
  std::int64_t cols_;
  float* partials_;  // by item: dgain, dbias
};

}  // namespace

KernelRow kernel_layer_norm() { return row_kernel(); }
KernelRow kernel_layer_norm_grad() { return row_kernel(); }

KernelRow kernel_layer_norm_param_grad() {
  return {.supports = all_f32,
          .workspace = [](const ir::Graph& graph, const ir::Node& node, int) -> std::int64_t {
            const ir::Shape& x = graph.type(node.operands[1]).shape;
            return item_count(x.rows()) * 2 * x.back().size() *
                   static_cast<std::int64_t>(sizeof(float));
          },
          .create = [](const ir::Graph& graph, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            return std::make_unique<LayerNormParamGrad>(graph.type(node.operands[1]).shape, args);
          }};
}

}  // namespace gptc::onednn
#endif
