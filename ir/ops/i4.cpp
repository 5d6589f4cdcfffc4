// Weights of half a byte, 32 with one scale along the last axis. 16 bytes hold a group: value j in
// the low half of byte j, value 16 + j in its high half, in two's complement.
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::require;

constexpr std::int64_t group = 32;

/// q i8[...,K/2] and scales f32[...,K/32], operands `first` and the next; gives K.
std::int64_t require_groups(const InferContext& context, std::size_t first) {
  const Type& q = context.operand(first);
  require(context, q.dtype == DType::i8, "q must be i8", q);
  rules::require_min_rank(context, first, 1);
  const Dim half = q.shape.back();
  require(context, !half.is_named() && half.size() % (group / 2) == 0,
          "rows of q must hold groups of 16 bytes", q);
  const Dim groups(half.size() / (group / 2));
  rules::require_type(context, first + 1,
                      {DType::f32, rules::with_last(rules::without_last(q.shape), groups)});
  return groups.size() * group;
}

std::vector<Type> infer_unpack_i4(const InferContext& context) {
  const std::int64_t size = require_groups(context, 0);
  return {{DType::f32, rules::with_last(rules::without_last(context.operand(0).shape), size)}};
}

std::vector<Type> infer_matmul_i4(const InferContext& context) {
  const Type& x = context.operand(0);
  require(context, x.dtype == DType::f32, "x must be f32", x);
  rules::require_min_rank(context, 0, 1);
  const std::int64_t inner = require_groups(context, 1);
  const Type& q = context.operand(1);
  require(context, q.shape.rank() == 2, "q must have 2 axes", q);
  require(context, x.shape.back() == Dim(inner), "inner dimensions must be equal", x, q);
  return {{x.dtype, rules::with_last(rules::without_last(x.shape), q.shape[0])}};
}

std::vector<Value> decompose_matmul_i4(Builder& b, const Node& node,
                                       std::span<const Value> operands) {
  const Value w = b.op(OpKind::unpack_i4, {operands[1], operands[2]});
  const Value rows = rules::as_rows(b, operands[0]);
  return {rules::reshaped(b, b.matmul(rows, w, {.transpose_b = true}), node.results[0].shape)};
}

/// Rows of x keep their places: positions stand where they stood.
std::vector<Positioned> incremental_matmul_i4(Incremental& step) {
  const Positioned& x = step.operands[0];
  if (step.operands[1].axis || step.operands[2].axis)
    step.cannot("its weights depend on positions");
  if (*x.axis + 1 == step.builder.shape(x.value).rank()) step.cannot("it sums over positions");
  const Value y =
      step.builder.op(OpKind::matmul_i4, {x.value, step.operands[1].value, step.operands[2].value});
  return {{y, x.axis}};
}

double flops_matmul_i4(const Graph& graph, const Node& node) {
  return 2 * static_cast<double>(node.results[0].shape.numel()) *
         static_cast<double>(graph.type(node.operands[0]).shape.back().size());
}

}  // namespace

const OpDef& op_unpack_i4() {
  static const OpDef def = {
      .kind = OpKind::unpack_i4,
      .name = "unpack_i4",
      .doc = "q i8[...,K/2], scales f32[...,K/32] -> f32[...,K]: numbers times their scales.",
      .operands = {{"q"}, {"scales"}},
      .traits = Trait::row_local,
      .infer = infer_unpack_i4,
  };
  return def;
}

const OpDef& op_matmul_i4() {
  static const OpDef def = {
      .kind = OpKind::matmul_i4,
      .name = "matmul_i4",
      .doc = "x f32[...,K], q i8[N,K/2], scales f32[N,K/32] -> f32[...,N]: x · unpack_i4(q)ᵀ.",
      .operands = {{"x"}, {"q"}, {"scales"}},
      .infer = infer_matmul_i4,
      .decompose = decompose_matmul_i4,
      .flops = flops_matmul_i4,
      .incremental = incremental_matmul_i4,
  };
  return def;
}

}  // namespace gptc::ir
