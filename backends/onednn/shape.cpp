// slice, pad, concat, shift, select: parts of tensors copied in long pieces; broadcast.
#include <algorithm>
#include <array>

#include "backends/onednn/broadcast_plan.h"
#include "backends/onednn/copy.h"
#include "backends/onednn/ids.h"

namespace gptc::onednn {
namespace {

std::size_t axis_of(const ir::Node& node) {
  return static_cast<std::size_t>(node.attrs.integer("axis"));
}

/// Operand and result of a node around its `axis`.
struct AxisPair {
  AxisView x;
  AxisView y;
};
AxisPair axis_pair(const ir::Graph& graph, const ir::Node& node) {
  return {view_around(graph.type(node.operands[0]), axis_of(node)),
          view_around(node.results[0], axis_of(node))};
}

std::unique_ptr<Kernel> create_slice(const ir::Graph& graph, const ir::Node& node,
                                     const KernelArgs& args) {
  const auto [x, y] = axis_pair(graph, node);
  const std::int64_t bytes = y.size * y.inner;
  const std::int64_t pitch = x.size * x.inner;
  const std::byte* from = args.operands[0] + node.attrs.integer("start") * x.inner;
  std::byte* to = args.results[0];
  return std::make_unique<CopyKernel>(args.threads, y.outer, bytes, [=](std::int64_t i) {
    return Piece{to + i * bytes, from + i * pitch, bytes};
  });
}

/// Each part of the axis is three pieces: zeros, x, zeros.
std::unique_ptr<Kernel> create_pad(const ir::Graph& graph, const ir::Node& node,
                                   const KernelArgs& args) {
  const auto [x, y] = axis_pair(graph, node);
  const std::int64_t before = node.attrs.integer("before") * y.inner;
  const std::int64_t part = x.size * x.inner;
  const std::int64_t whole = y.size * y.inner;
  const std::byte* from = args.operands[0];
  std::byte* to = args.results[0];
  return std::make_unique<CopyKernel>(args.threads, 3 * y.outer, std::max(part, whole - part),
                                      [=](std::int64_t i) {
                                        std::byte* row = to + i / 3 * whole;
                                        const std::array<Piece, 3> pieces = {{
                                            {row, nullptr, before},
                                            {row + before, from + i / 3 * part, part},
                                            {row + before + part, nullptr, whole - before - part},
                                        }};
                                        return pieces[static_cast<std::size_t>(i % 3)];
                                      });
}

std::unique_ptr<Kernel> create_concat(const ir::Graph& graph, const ir::Node& node,
                                      const KernelArgs& args) {
  const AxisView y = view_around(node.results[0], axis_of(node));
  std::vector<Piece> parts;  // of the first outer index
  std::int64_t longest = 0;
  std::int64_t start = 0;
  for (std::size_t k = 0; k < node.operands.size(); ++k) {
    const AxisView x = view_around(graph.type(node.operands[k]), axis_of(node));
    parts.push_back({args.results[0] + start, args.operands[k], x.size * x.inner});
    start += parts.back().bytes;
    longest = std::max(longest, parts.back().bytes);
  }
  const auto count = static_cast<std::int64_t>(parts.size());
  return std::make_unique<CopyKernel>(
      args.threads, y.outer * count, longest, [=, pitch = y.size * y.inner](std::int64_t i) {
        const Piece& part = parts[static_cast<std::size_t>(i % count)];
        const std::int64_t outer = i / count;
        return Piece{part.to + outer * pitch, part.from + outer * part.bytes, part.bytes};
      });
}

/// Two pieces an outer index: what moves, and the zeros that take its place.
std::unique_ptr<Kernel> create_shift(const ir::Graph& graph, const ir::Node& node,
                                     const KernelArgs& args) {
  const AxisView x = axis_pair(graph, node).x;
  const std::int64_t by = std::clamp(node.attrs.integer("by"), -x.size, x.size) * x.inner;
  const std::int64_t whole = x.size * x.inner;
  const std::int64_t zeros = by < 0 ? -by : by;
  const std::int64_t kept = whole - zeros;
  const std::byte* from = args.operands[0] + (by < 0 ? zeros : 0);
  std::byte* to = args.results[0];
  return std::make_unique<CopyKernel>(args.threads, 2 * x.outer, whole, [=](std::int64_t i) {
    std::byte* row = to + i / 2 * whole;
    if (i % 2 == 0) return Piece{by < 0 ? row + kept : row, nullptr, zeros};
    return Piece{by < 0 ? row : row + zeros, from + i / 2 * whole, kept};
  });
}

std::unique_ptr<Kernel> create_select(const ir::Graph& graph, const ir::Node& node,
                                      const KernelArgs& args) {
  const AxisView x = view_around(graph.type(node.operands[0]), 1);
  const Ids ids(node, args.operands[1], x.size, NegativeIds::rejected);
  const std::byte* from = args.operands[0];
  std::byte* to = args.results[0];
  return std::make_unique<CopyKernel>(args.threads, x.outer, x.inner, [=](std::int64_t i) {
    return Piece{to + i * x.inner, from + (i * x.size + ids.at(i)) * x.inner, x.inner};
  });
}

/// Rows of the merged result are copies of an operand's row, or of one element of it.
class BroadcastKernel final : public ItemKernel {
 public:
  BroadcastKernel(const ir::Type& from, const ir::Type& to, const KernelArgs& args)
      : ItemKernel(args.threads),
        plan_(plan_broadcast(to.shape, {from.shape})),
        element_(ir::dtype_bytes(to.dtype)),
        from_(args.operands[0]),
        to_(args.results[0]) {}

 private:
  static constexpr std::int64_t item_elements = 1 << 15;

  std::int64_t group() const {
    return std::max<std::int64_t>(1, item_elements / std::max<std::int64_t>(1, plan_.cols));
  }
  std::int64_t rows() const { return plan_.tiles() * plan_.rows; }
  std::int64_t items() const override { return (rows() + group() - 1) / group(); }

  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t end = std::min(rows(), (item + 1) * group());
    for (std::int64_t row = item * group(); row < end; ++row) {
      const BroadcastPlan::Operand& operand = plan_.operands[0];
      const std::byte* from = from_ + element_ * (plan_.offset(operand, row / plan_.rows) +
                                                  row % plan_.rows * operand.row_stride);
      std::byte* to = to_ + row * plan_.cols * element_;
      const std::int64_t bytes = plan_.cols * element_;
      if (operand.col_stride != 0) {
        std::copy_n(from, bytes, to);
        continue;
      }
      // Doubling what is written already fills a row for any element size.
      std::copy_n(from, element_, to);
      for (std::int64_t done = element_; done < bytes; done *= 2)
        std::copy_n(to, std::min(done, bytes - done), to + done);
    }
  }

  BroadcastPlan plan_;
  std::int64_t element_;
  const std::byte* from_;
  std::byte* to_;
};

std::unique_ptr<Kernel> create_broadcast(const ir::Graph& graph, const ir::Node& node,
                                         const KernelArgs& args) {
  return std::make_unique<BroadcastKernel>(graph.type(node.operands[0]), node.results[0], args);
}

}  // namespace

KernelRow kernel_slice() { return {nullptr, nullptr, create_slice}; }
KernelRow kernel_pad() { return {nullptr, nullptr, create_pad}; }
KernelRow kernel_concat() { return {nullptr, nullptr, create_concat}; }
KernelRow kernel_shift() { return {nullptr, nullptr, create_shift}; }
KernelRow kernel_select() { return {nullptr, nullptr, create_select}; }
KernelRow kernel_broadcast() { return {nullptr, nullptr, create_broadcast}; }

}  // namespace gptc::onednn
