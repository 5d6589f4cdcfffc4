// embedding, embedding_grad, scatter_add. Gradients are cut by rows of the table, so that the order
// of additions to a row is that of the ids for any number of threads.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/embedding.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "backends/onednn/copy.h"
#include "backends/onednn/ids.h"
#include "backends/onednn/rows.h"
#include "backends/onednn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {

void add_to_table_row(const float* from, std::int64_t cols, float* to) {
  sweep(cols, [&](std::int64_t i, auto access) HWY_ATTR {
    const F32 d;
    access.store(d, hn::Add(access.load(d, to + i), access.load(d, from + i)), to + i);
  });
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(add_to_table_row);

namespace {

constexpr std::int64_t table_items = 64;

std::unique_ptr<Kernel> create_embedding(const ir::Graph& graph, const ir::Node& node,
                                         const KernelArgs& args) {
  const ir::Type& table = graph.type(node.operands[0]);
  const std::int64_t bytes = table.shape[1].size() * ir::dtype_bytes(table.dtype);
  const Ids ids(node, args.operands[1], table.shape[0].size(), NegativeIds::rejected);
  const std::int64_t count = graph.type(node.operands[1]).shape.numel();
  const std::byte* from = args.operands[0];
  std::byte* to = args.results[0];
  return std::make_unique<CopyKernel>(args.threads, count, bytes, [=](std::int64_t i) {
    return Piece{to + i * bytes, from + ids.at(i) * bytes, bytes};
  });
}

/// An item owns rows of the table: it clears or copies them, then adds the rows of dy whose ids are
/// its own.
class ScatterKernel final : public ItemKernel {
 public:
  struct Arguments {
    const float* into;  // null: zeros
    Ids ids;
    const float* dy;
    float* out;
    std::int64_t count;  // ids
    std::int64_t rows;
    std::int64_t cols;
  };
  ScatterKernel(int threads, Arguments arguments)
      : ItemKernel(threads),
        a_(std::move(arguments)),
        rows_per_item_((a_.rows + table_items - 1) / table_items),
        add_(HWY_DYNAMIC_DISPATCH(add_to_table_row)) {}

 private:
  std::int64_t items() const override { return (a_.rows + rows_per_item_ - 1) / rows_per_item_; }

  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t first = item * rows_per_item_;
    const std::int64_t end = std::min(a_.rows, first + rows_per_item_);
    prepare(first * a_.cols, (end - first) * a_.cols);
    for (std::int64_t i = 0; i < a_.count; ++i) {
      const std::int64_t id = a_.ids.at(i);
      if (id >= first && id < end) add_(a_.dy + i * a_.cols, a_.cols, a_.out + id * a_.cols);
    }
  }

  void prepare(std::int64_t begin, std::int64_t size) const {
    if (a_.into == nullptr)
      std::fill_n(a_.out + begin, size, 0.0F);
    else if (a_.into != a_.out)
      std::copy_n(a_.into + begin, size, a_.out + begin);
  }

  Arguments a_;
  std::int64_t rows_per_item_;
  void (*add_)(const float* from, std::int64_t cols, float* to);
};

/// Operands are (into,) ids, dy: `ids` says which comes first.
std::unique_ptr<Kernel> create_scatter(const ir::Graph& graph, const ir::Node& node,
                                       const KernelArgs& args, std::size_t ids) {
  const ir::Shape& table = node.results[0].shape;
  const auto* into = ids == 0 ? nullptr : reinterpret_cast<const float*>(args.operands[0]);
  return std::make_unique<ScatterKernel>(
      args.threads,
      ScatterKernel::Arguments{
          .into = into,
          .ids = Ids(node, args.operands[ids], table[0].size(), NegativeIds::rejected),
          .dy = reinterpret_cast<const float*>(args.operands[ids + 1]),
          .out = reinterpret_cast<float*>(args.results[0]),
          .count = graph.type(node.operands[ids]).shape.numel(),
          .rows = table[0].size(),
          .cols = table[1].size()});
}

}  // namespace

KernelRow kernel_embedding() { return {nullptr, nullptr, create_embedding}; }

KernelRow kernel_embedding_grad() {
  return {.supports = all_f32,
          .create = [](const ir::Graph& graph, const ir::Node& node, const KernelArgs& args) {
            return create_scatter(graph, node, args, 0);
          }};
}

KernelRow kernel_scatter_add() {
  return {.supports = all_f32,
          .create = [](const ir::Graph& graph, const ir::Node& node, const KernelArgs& args) {
            return create_scatter(graph, node, args, 1);
          }};
}

}  // namespace gptc::onednn
#endif
