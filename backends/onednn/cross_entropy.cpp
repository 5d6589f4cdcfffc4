// pick, pick_grad, token_count, cross_entropy and its gradient. Targets below 0 do not count.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/cross_entropy.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "backends/onednn/ids.h"
#include "backends/onednn/kernel.h"
#include "backends/onednn/rows.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {

/// log Σ exp(x)
float log_sum_exp(const float* x, std::int64_t size) {
  const float most = max_row(x, size);
  const VF32 shift = hn::Set(F32(), most);
  const float sum = sum_of(size, [&](std::int64_t i, auto access) HWY_ATTR {
    const F32 d;
    return access.keep(d, exp_of(d, hn::Sub(access.load(d, x + i), shift)));
  });
  return most + std::log(sum);
}

/// y = scale · exp(x - lse)
void scaled_softmax(const float* x, std::int64_t size, float lse, float scale, float* y) {
  const VF32 shift = hn::Set(F32(), lse);
  const VF32 by = hn::Set(F32(), scale);
  sweep(size, [&](std::int64_t i, auto access) HWY_ATTR {
    const F32 d;
    access.store(d, hn::Mul(by, exp_of(d, hn::Sub(access.load(d, x + i), shift))), y + i);
  });
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(log_sum_exp);
HWY_EXPORT(scaled_softmax);

namespace {

constexpr std::int64_t item_elements = 1 << 15;

std::int64_t rows_per_item(std::int64_t cols) {
  return std::max<std::int64_t>(1, item_elements / std::max<std::int64_t>(1, cols));
}
std::int64_t item_count(std::int64_t rows, std::int64_t cols) {
  return (rows + rows_per_item(cols) - 1) / rows_per_item(cols);
}

/// Calls row(r) for every row of [rows, cols]; their values, if `sum` is not null, are added per
/// item and then in the order of items.
class PerRow final : public ItemKernel {
 public:
  using RowFunctor = std::function<float(std::int64_t row)>;
  PerRow(const ir::Shape& shape, const KernelArgs& args, RowFunctor row, float* sum)
      : ItemKernel(args.threads),
        rows_(shape.rows()),
        cols_(shape.back().size()),
        row_(std::move(row)),
        sum_(sum),
        partials_(reinterpret_cast<double*>(args.workspace)) {}

  static std::int64_t workspace(const ir::Shape& shape) {
    return item_count(shape.rows(), shape.back().size()) *
           static_cast<std::int64_t>(sizeof(double));
  }

 private:
  std::int64_t items() const override { return item_count(rows_, cols_); }

  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t end = std::min(rows_, (item + 1) * rows_per_item(cols_));
    double sum = 0;
    for (std::int64_t row = item * rows_per_item(cols_); row < end; ++row) sum += row_(row);
    if (sum_ != nullptr) partials_[item] = sum;
  }

  void finish() override {
    if (sum_ == nullptr) return;
    double sum = 0;
    for (std::int64_t item = 0; item < items(); ++item) sum += partials_[item];
    *sum_ = static_cast<float>(sum);
  }

  std::int64_t rows_;
  std::int64_t cols_;
  RowFunctor row_;
  float* sum_;
  double* partials_;
};

const float* floats(const KernelArgs& args, std::size_t operand) {
  return reinterpret_cast<const float*>(args.operands[operand]);
}
float* result_of(const KernelArgs& args) { return reinterpret_cast<float*>(args.results[0]); }

Ids targets(const ir::Node& node, const KernelArgs& args, std::size_t operand,
            const ir::Shape& rows) {
  return {node, args.operands[operand], rows.back().size(), NegativeIds::ignored};
}

std::unique_ptr<Kernel> create_cross_entropy(const ir::Graph& graph, const ir::Node& node,
                                             const KernelArgs& args) {
  const ir::Shape& shape = graph.type(node.operands[0]).shape;
  const auto row = [ids = targets(node, args, 1, shape), x = floats(args, 0),
                    cols = shape.back().size(),
                    lse = HWY_DYNAMIC_DISPATCH(log_sum_exp)](std::int64_t r) {
    const std::int64_t id = ids.at(r);
    return id < 0 ? 0.0F : lse(x + r * cols, cols) - x[r * cols + id];
  };
  return std::make_unique<PerRow>(shape, args, row, result_of(args));
}

std::unique_ptr<Kernel> create_cross_entropy_grad(const ir::Graph&, const ir::Node& node,
                                                  const KernelArgs& args) {
  const ir::Shape& shape = node.results[0].shape;
  const auto row = [ids = targets(node, args, 1, shape), x = floats(args, 0),
                    scale = floats(args, 2), y = result_of(args), cols = shape.back().size(),
                    lse = HWY_DYNAMIC_DISPATCH(log_sum_exp),
                    softmax = HWY_DYNAMIC_DISPATCH(scaled_softmax)](std::int64_t r) {
    const std::int64_t id = ids.at(r);
    const float* logits = x + r * cols;
    float* grad = y + r * cols;
    if (id < 0) {
      std::fill_n(grad, cols, 0.0F);
    } else {
      softmax(logits, cols, lse(logits, cols), *scale, grad);
      grad[id] -= *scale;
    }
    return 0.0F;
  };
  return std::make_unique<PerRow>(shape, args, row, nullptr);
}

std::unique_ptr<Kernel> create_pick(const ir::Graph& graph, const ir::Node& node,
                                    const KernelArgs& args) {
  const ir::Shape& shape = graph.type(node.operands[0]).shape;
  const auto row = [ids = targets(node, args, 1, shape), x = floats(args, 0), y = result_of(args),
                    cols = shape.back().size()](std::int64_t r) {
    const std::int64_t id = ids.at(r);
    y[r] = id < 0 ? 0.0F : x[r * cols + id];
    return 0.0F;
  };
  return std::make_unique<PerRow>(shape, args, row, nullptr);
}

std::unique_ptr<Kernel> create_pick_grad(const ir::Graph&, const ir::Node& node,
                                         const KernelArgs& args) {
  const ir::Shape& shape = node.results[0].shape;
  const auto row = [ids = targets(node, args, 0, shape), dy = floats(args, 1), y = result_of(args),
                    cols = shape.back().size()](std::int64_t r) {
    const std::int64_t id = ids.at(r);
    std::fill_n(y + r * cols, cols, 0.0F);
    if (id >= 0) y[r * cols + id] = dy[r];
    return 0.0F;
  };
  return std::make_unique<PerRow>(shape, args, row, nullptr);
}

class TokenCount final : public Kernel {
 public:
  TokenCount(std::int64_t size, const KernelArgs& args) : size_(size), args_(args) {}
  void execute() override {
    const auto* ids = reinterpret_cast<const std::int32_t*>(args_.operands[0]);
    *result_of(args_) = static_cast<float>(
        std::count_if(ids, ids + size_, [](std::int32_t id) { return id >= 0; }));
  }

 private:
  std::int64_t size_;
  KernelArgs args_;
};

std::unique_ptr<Kernel> create_token_count(const ir::Graph& graph, const ir::Node& node,
                                           const KernelArgs& args) {
  return std::make_unique<TokenCount>(graph.type(node.operands[0]).shape.numel(), args);
}

std::int64_t partial_sums(const ir::Graph& graph, const ir::Node& node, int /*threads*/) {
  return PerRow::workspace(graph.type(node.operands[0]).shape);
}

}  // namespace

KernelRow kernel_cross_entropy() { return {all_f32, partial_sums, create_cross_entropy}; }
KernelRow kernel_cross_entropy_grad() { return {all_f32, nullptr, create_cross_entropy_grad}; }
KernelRow kernel_pick() { return {all_f32, nullptr, create_pick}; }
KernelRow kernel_pick_grad() { return {all_f32, nullptr, create_pick_grad}; }
KernelRow kernel_token_count() { return {all_f32, nullptr, create_token_count}; }

}  // namespace gptc::onednn
#endif
