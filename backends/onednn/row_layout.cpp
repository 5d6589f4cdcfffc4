#include "backends/onednn/row_layout.h"

#include <algorithm>

#include "ir/graph_algo.h"

namespace gptc::onednn {
namespace {

using ir::OpKind;
using ir::Shape;

Shape without_last(const Shape& shape) {
  std::vector<ir::Dim> dims = shape.dims();
  if (!dims.empty()) dims.pop_back();
  return Shape(std::move(dims));
}

Shape as_column(const Shape& shape) {
  std::vector<ir::Dim> dims = shape.dims();
  dims.emplace_back(1);
  return Shape(std::move(dims));
}

std::int64_t last_size(const Shape& shape) { return shape.rank() == 0 ? 1 : shape.back().size(); }

/// Whether the leading axes of the shape, ones in front aside, are the last axes of `leading`.
bool is_suffix(const Shape& shape, const Shape& leading) {
  std::vector<std::int64_t> rows = without_last(shape).sizes();
  while (!rows.empty() && rows.front() == 1) rows.erase(rows.begin());
  const std::vector<std::int64_t> whole = leading.sizes();
  return rows.size() <= whole.size() && std::equal(rows.rbegin(), rows.rend(), whole.rbegin());
}

std::optional<RowLayout> layout_of_input(const Shape& shape, const Shape& leading, bool statistic) {
  if (statistic) {
    if (shape != leading) return std::nullopt;
    return RowLayout{leading.numel(), 1, false};
  }
  if (shape.rows() == 1) return RowLayout{1, last_size(shape), true};
  if (!is_suffix(shape, leading)) return std::nullopt;
  return RowLayout{shape.rows(), last_size(shape), true};
}

RowRole operand_role(const ir::Node& node, std::size_t operand) {
  const RowOp* op = find_row_op(node.kind);
  return op == nullptr || op->operands.empty() ? RowRole::any : op->operands[operand];
}

/// An input is a statistic if an op takes it as one, or it becomes a column.
bool used_as_statistic(const ir::Graph& body, ir::NodeId input, const Shape& leading) {
  const Shape& shape = body.type({input, 0}).shape;
  if (shape != leading) return false;
  const std::vector<ir::Use> uses = body.uses({input, 0});
  return std::ranges::any_of(uses, [&](const ir::Use& use) {
    const ir::Node& node = body[use.node];
    if (node.kind == OpKind::reshape) return node.results[0].shape == as_column(shape);
    return operand_role(node, use.operand) == RowRole::statistic;
  });
}

class Layouts {
 public:
  Layouts(const ir::Graph& body, const Shape& leading)
      : body_(body), leading_(leading), rows_(leading.numel()), layouts_(body.slots()) {}

  bool visit(ir::NodeId id) {
    const ir::Node& node = body_[id];
    if (node.kind == OpKind::input) return visit_input(id, node);
    if (node.kind == OpKind::constant) return set(id, {{1, 1, true}});
    if (node.kind == OpKind::reshape) return visit_reshape(id, node);
    const RowOp* op = find_row_op(node.kind);
    if (op == nullptr) return false;
    return op->operands.empty() || op->operands[0] == RowRole::any ? visit_any(id, node, *op)
                                                                   : visit_rows(id, node, *op);
  }

  RowLayouts take() { return std::move(layouts_); }

 private:
  const RowLayout& at(ir::Value value) const { return layouts_[value.node.index][value.result]; }
  bool set(ir::NodeId id, std::vector<RowLayout> layouts) {
    layouts_[id.index] = std::move(layouts);
    return true;
  }

  bool visit_input(ir::NodeId id, const ir::Node& node) {
    const Shape& shape = node.results[0].shape;
    const auto layout = layout_of_input(shape, leading_, used_as_statistic(body_, id, leading_));
    return layout && set(id, {*layout});
  }

  bool visit_reshape(ir::NodeId id, const ir::Node& node) {
    const Shape& from = body_.type(node.operands[0]).shape;
    const Shape& to = node.results[0].shape;
    RowLayout layout = at(node.operands[0]);
    if (from == to) return set(id, {layout});
    if (!reshape_keeps_rows(from, to) || layout.cols != 1 || layout.rows != rows_) return false;
    layout.has_columns = to.rank() > from.rank();
    return set(id, {layout});
  }

  bool visit_any(ir::NodeId id, const ir::Node& node, const RowOp& op) {
    RowLayout result{1, 1, true};
    std::optional<bool> has_columns;
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      if (operand_role(node, i) == RowRole::counter) continue;
      const RowLayout& layout = at(node.operands[i]);
      if (layout.rows > 1) {
        if (has_columns && *has_columns != layout.has_columns) return false;
        has_columns = layout.has_columns;
      }
      result.rows = std::max(result.rows, layout.rows);
      result.cols = std::max(result.cols, layout.cols);
    }
    result.has_columns = has_columns.value_or(true);
    // Masks count elements of the whole tensor.
    if (op.kind == OpKind::dropout && result.rows != rows_) return false;
    // A statistic with a row vector would be something else than rows.
    if (!result.has_columns && result.cols != 1) return false;
    for (const ir::Type& type : node.results) {
      const bool single = result.rows == 1 && result.cols == 1;  // constants of any shape
      if (!single && type.shape.numel() != result.rows * result.cols) return false;
    }
    return set(id, std::vector<RowLayout>(node.results.size(), result));
  }

  bool visit_rows(ir::NodeId id, const ir::Node& node, const RowOp& op) {
    const std::int64_t cols = at(node.operands[0]).cols;
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      const RowLayout& layout = at(node.operands[i]);
      const RowRole role = op.operands[i];
      if (role == RowRole::rows && layout != RowLayout{rows_, cols, true}) return false;
      if (role == RowRole::vector && (layout.rows != 1 || layout.cols != cols)) return false;
      if (role == RowRole::statistic && (layout.rows != rows_ || layout.cols != 1)) return false;
      if (role == RowRole::statistic && rows_ > 1 && layout.has_columns) return false;
    }
    if (const auto* axes = node.attrs.find("axes")) {
      const auto last = static_cast<std::int64_t>(body_.type(node.operands[0]).shape.rank()) - 1;
      if (std::get<ir::Ints>(*axes) != ir::Ints{last}) return false;
    }
    std::vector<RowLayout> results;
    for (const RowRole role : op.results) {
      results.push_back(role == RowRole::rows ? RowLayout{rows_, cols, true}
                                              : RowLayout{rows_, 1, false});
    }
    return set(id, std::move(results));
  }

  const ir::Graph& body_;
  const Shape& leading_;
  std::int64_t rows_;
  RowLayouts layouts_;
};

}  // namespace

bool reshape_keeps_rows(const Shape& from, const Shape& to) {
  return from == to || to == as_column(from) || from == as_column(to);
}

Shape region_rows(const ir::Graph& body) {
  const Shape* largest = nullptr;
  for (const ir::NodeId id : body.nodes()) {
    if (body[id].kind == OpKind::constant) continue;
    for (const ir::Type& type : body[id].results) {
      const bool larger =
          largest == nullptr || type.shape.numel() > largest->numel() ||
          (type.shape.numel() == largest->numel() && type.shape.rank() > largest->rank());
      if (larger) largest = &type.shape;
    }
  }
  return largest == nullptr ? Shape{} : without_last(*largest);
}

std::optional<RowLayouts> row_layouts(const ir::Graph& body, const Shape& leading) {
  Layouts layouts(body, leading);
  for (const ir::NodeId id : ir::topological_order(body)) {
    if (!layouts.visit(id)) return std::nullopt;
  }
  return layouts.take();
}

}  // namespace gptc::onednn
