// Table look-up and its gradient.
#include "ir/ops/incremental.h"
#include "ir/ops/quantise.h"
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::Grads;
using rules::require;

void require_table(const InferContext& context) {
  rules::require_float(context, 0);
  require(context, context.operand(0).shape.rank() == 2,
          std::string(rules::operand_name(context, 0)) + " must have 2 axes", context.operand(0));
}

std::vector<Type> infer_embedding(const InferContext& context) {
  if (context.operand(0).dtype != DType::i8) rules::require_float(context, 0);
  require(context, context.operand(0).shape.rank() == 2, "table must have 2 axes",
          context.operand(0));
  rules::require_ids(context, 1);
  const Type& table = context.operand(0);
  return {{table.dtype, rules::with_last(context.operand(1).shape, table.shape[1])}};
}

/// dy[...,C] holds one row per id.
void require_rows_of_ids(const InferContext& context, std::size_t ids, std::size_t dy) {
  rules::require_ids(context, ids);
  rules::require_float(context, dy);
  rules::require_min_rank(context, dy, 1);
  require(context, rules::without_last(context.operand(dy).shape) == context.operand(ids).shape,
          "dy must hold one row per id", context.operand(ids), context.operand(dy));
}

std::vector<Type> infer_embedding_grad(const InferContext& context) {
  require_rows_of_ids(context, 0, 1);
  const std::int64_t rows = context.attrs.integer("rows");
  require(context, rows > 0, "rows must be above 0", rows);
  const Type& dy = context.operand(1);
  return {{dy.dtype, Shape{Dim(rows), dy.shape.back()}}};
}

std::vector<Type> infer_scatter_add(const InferContext& context) {
  require_table(context);
  require_rows_of_ids(context, 1, 2);
  rules::require_dtype_of_first(context, 2);
  require(context, context.operand(2).shape.back() == context.operand(0).shape[1],
          "rows of dy must be as long as those of into", context.operand(2), context.operand(0));
  return {context.operand(0)};
}

Grads vjp_embedding(const VjpContext& c) {
  const std::int64_t rows = c.graph.type(c.operand(0)).shape[0].size();
  return {c.builder.op(OpKind::embedding_grad, {c.operand(1), rules::grad(c)}, {{"rows", rows}}),
          std::nullopt};
}

double no_flops(const Graph&, const Node&) { return 0; }
double flops_rows(const Graph& graph, const Node& node) {
  return static_cast<double>(graph.type(node.operands.back()).shape.numel());
}

}  // namespace

const OpDef& op_embedding() {
  static const OpDef def = {
      .kind = OpKind::embedding,
      .name = "embedding",
      .doc =
          "table[V,C], ids i32[...] -> [...,C]: row id of the table. An id outside 0..V-1 is a "
          "UserError when run.",
      .operands = {{"table"}, {"ids"}},
      .traits = Trait::cheap,
      .infer = infer_embedding,
      .vjp = vjp_embedding,
      .flops = no_flops,
      .incremental = incremental::embedding,
      .quantise = quantise::embedding,
  };
  return def;
}

const OpDef& op_embedding_grad() {
  static const OpDef def = {
      .kind = OpKind::embedding_grad,
      .name = "embedding_grad",
      .doc = "ids i32[...], dy[...,C] -> [rows,C]: row r is the sum of dy's rows whose id is r.",
      .operands = {{"ids"}, {"dy"}},
      .attributes = {{"rows", AttrKind::integer, std::nullopt, "rows of the table"}},
      .infer = infer_embedding_grad,
      .flops = flops_rows,
  };
  return def;
}

const OpDef& op_scatter_add() {
  static const OpDef def = {
      .kind = OpKind::scatter_add,
      .name = "scatter_add",
      .doc = "into[V,C], ids i32[...], dy[...,C] -> into + embedding_grad(ids, dy).",
      .operands = {{"into"}, {"ids"}, {"dy"}},
      .infer = infer_scatter_add,
      .in_place = {{0, 0}},
      .flops = flops_rows,
  };
  return def;
}

}  // namespace gptc::ir
