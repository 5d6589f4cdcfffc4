// reduce_sum, reduce_max and sum_squares: fixed blocks, partial results joined in fixed order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/reduce.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>
#include <limits>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/kernel.h"
#include "backends/onednn/reduce_plan.h"
#include "backends/onednn/rows.h"
#include "backends/onednn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace {

void sum_tile(const RowTile& tile) {
  for (std::int64_t r = 0; r < tile.rows; ++r)
    *tile.results[0].row(r) = sum_row(tile.operands[0].row(r), tile.cols);
}
void max_tile(const RowTile& tile) {
  for (std::int64_t r = 0; r < tile.rows; ++r)
    *tile.results[0].row(r) = max_row(tile.operands[0].row(r), tile.cols);
}

constexpr RowFunction row_functions[] = {
    {ir::OpKind::reduce_sum, sum_tile},
    {ir::OpKind::reduce_max, max_tile},
};

template <class T>
float sum_squares_row(const T* x, std::int64_t size) {
  return sum_of(size, [&](std::int64_t i, auto access) HWY_ATTR {
    const VF32 value = load_any(access, x + i);
    return hn::Mul(value, value);
  });
}

float sum_row_of(const float* x, std::int64_t size) { return sum_row(x, size); }
float max_row_of(const float* x, std::int64_t size) { return max_row(x, size); }

/// acc = join(acc, x) by column, four rows at a time so that acc is touched less often.
template <class Join>
void join_rows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t cols,
               float* acc) {
  std::int64_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    const float* a = x + row * stride;
    sweep(cols, [&](std::int64_t i, auto access) HWY_ATTR {
      const F32 d;
      const float* at = a + i;
      const VF32 front = Join{}(access.load(d, at), access.load(d, at + stride));
      const VF32 back = Join{}(access.load(d, at + 2 * stride), access.load(d, at + 3 * stride));
      access.store(d, Join{}(access.load(d, acc + i), Join{}(front, back)), acc + i);
    });
  }
  for (; row < rows; ++row) {
    const float* a = x + row * stride;
    sweep(cols, [&](std::int64_t i, auto access) HWY_ATTR {
      const F32 d;
      access.store(d, Join{}(access.load(d, acc + i), access.load(d, a + i)), acc + i);
    });
  }
}

constexpr Reduction sum = {0.0F, sum_row_of, nullptr, join_rows<AddVectors>};
constexpr Reduction most = {-std::numeric_limits<float>::infinity(), max_row_of, nullptr,
                            join_rows<MaxVectors>};
constexpr Reduction squares = {0.0F, sum_squares_row<float>, sum_squares_row<std::uint16_t>,
                               join_rows<AddVectors>};

}  // namespace

std::span<const RowFunction> reduce_of_target() { return row_functions; }
Reduction sum_of_target() { return sum; }
Reduction max_of_target() { return most; }
Reduction squares_of_target() { return squares; }

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(reduce_of_target);
HWY_EXPORT(sum_of_target);
HWY_EXPORT(max_of_target);
HWY_EXPORT(squares_of_target);

std::span<const RowFunction> reduce_rows() { return HWY_DYNAMIC_DISPATCH(reduce_of_target)(); }

namespace {

ReducePlan plan_of(const ir::Graph& graph, const ir::Node& node) {
  const ir::Shape& shape = graph.type(node.operands[0]).shape;
  ir::Ints axes;
  if (node.attrs.find("axes") != nullptr) {
    axes = node.attrs.ints("axes");
  } else {
    for (std::size_t i = 0; i < shape.rank(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  return plan_reduction(shape, axes);
}

constexpr std::int64_t item_elements = 1 << 15;

/// An item is a block of one result row's operands; with several blocks a row, each writes a
/// partial and `finish` joins them.
class ReduceKernel final : public ItemKernel {
 public:
  ReduceKernel(ReducePlan plan, const Reduction& reduction, ir::DType dtype, const KernelArgs& args)
      : ItemKernel(args.threads),
        plan_(std::move(plan)),
        reduction_(reduction),
        dtype_(dtype),
        x_(args.operands[0]),
        out_(reinterpret_cast<float*>(args.results[0])),
        partials_(reinterpret_cast<float*>(args.workspace)) {}

 private:
  /// Result rows of an item: several where they are small, one where a row has several blocks.
  std::int64_t group() const {
    if (plan_.blocks() > 1) return 1;
    return std::clamp<std::int64_t>(item_elements / (plan_.rows * plan_.length), 1, plan_.outputs);
  }
  std::int64_t items() const override {
    return (plan_.outputs + group() - 1) / group() * plan_.blocks();
  }

  void run(std::int64_t item, std::byte* /*scratch*/) override {
    if (plan_.blocks() > 1) {
      reduce(item / plan_.blocks(), item % plan_.blocks(), partials_ + item * plan_.width);
      return;
    }
    const std::int64_t end = std::min(plan_.outputs, (item + 1) * group());
    for (std::int64_t output = item * group(); output < end; ++output)
      reduce(output, 0, out_ + output * plan_.width);
  }

  void reduce(std::int64_t output, std::int64_t block, float* to) const {
    std::fill_n(to, plan_.width, reduction_.start);
    const std::int64_t offset = plan_.kept.offset(output);
    const std::int64_t first = block / plan_.pieces * plan_.block_rows;
    const std::int64_t end = std::min(plan_.rows, first + plan_.block_rows);
    if (plan_.along_row) {
      const std::int64_t begin = block % plan_.pieces * plan_.piece;
      const std::int64_t size = std::min(plan_.piece, plan_.length - begin);
      for (std::int64_t row = first; row < end; ++row) {
        const float part = reduce_row(offset + plan_.reduced.offset(row) + begin, size);
        reduction_.rows(&part, 1, 1, 1, to);
      }
      return;
    }
    // Consecutive steps of the innermost reduced axis are rows at one stride.
    const std::int64_t run = plan_.reduced.inner_size();
    for (std::int64_t row = first; row < end;) {
      const std::int64_t count = std::min(end - row, run - row % run);
      const float* x = reinterpret_cast<const float*>(x_) + offset + plan_.reduced.offset(row);
      reduction_.rows(x, count, plan_.reduced.inner_stride(), plan_.width, to);
      row += count;
    }
  }

  float reduce_row(std::int64_t first, std::int64_t size) const {
    if (dtype_ == ir::DType::bf16)
      return reduction_.bf16_row(reinterpret_cast<const std::uint16_t*>(x_) + first, size);
    return reduction_.row(reinterpret_cast<const float*>(x_) + first, size);
  }

  void finish() override {
    if (plan_.blocks() == 1) return;
    for (std::int64_t output = 0; output < plan_.outputs; ++output) {
      float* to = out_ + output * plan_.width;
      std::fill_n(to, plan_.width, reduction_.start);
      reduction_.rows(partials_ + output * plan_.blocks() * plan_.width, plan_.blocks(),
                      plan_.width, plan_.width, to);
    }
  }

  ReducePlan plan_;
  Reduction reduction_;
  ir::DType dtype_;  // bf16 only where rows are reduced along
  const std::byte* x_;
  float* out_;
  float* partials_;  // by output, then block
};

std::int64_t workspace(const ir::Graph& graph, const ir::Node& node, int /*threads*/) {
  const ReducePlan plan = plan_of(graph, node);
  return plan.blocks() == 1 ? 0 : plan.outputs * plan.blocks() * plan.width * 4;
}

template <Reduction (*reduction)()>
std::unique_ptr<Kernel> create(const ir::Graph& graph, const ir::Node& node,
                               const KernelArgs& args) {
  return std::make_unique<ReduceKernel>(plan_of(graph, node), reduction(),
                                        graph.type(node.operands[0]).dtype, args);
}

Reduction sum_reduction() { return HWY_DYNAMIC_DISPATCH(sum_of_target)(); }
Reduction max_reduction() { return HWY_DYNAMIC_DISPATCH(max_of_target)(); }
Reduction squares_reduction() { return HWY_DYNAMIC_DISPATCH(squares_of_target)(); }

}  // namespace

KernelRow kernel_reduce_sum() { return {all_f32, workspace, create<sum_reduction>}; }
KernelRow kernel_reduce_max() { return {all_f32, workspace, create<max_reduction>}; }
KernelRow kernel_sum_squares() {
  return {.supports = [](const ir::Graph&,
                         const ir::Node& node) { return node.results[0].dtype == ir::DType::f32; },
          .workspace = workspace,
          .create = create<squares_reduction>};
}

}  // namespace gptc::onednn
#endif
