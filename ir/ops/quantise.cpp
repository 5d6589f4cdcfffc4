// A rule makes an op again on whole numbers. Scales stand behind what is summed, or beside what is
// looked up, so that no matrix is widened whole.
#include "ir/ops/quantise.h"

#include <numeric>
#include <utility>

#include "ir/check.h"
#include "ir/ops/rules.h"

namespace gptc::ir::quantise {
namespace {

// -- matmul: op(a) · op(b), b the matrix ----------------------------------------------------------

std::size_t channels_of_matmul(const Node& node) { return node.attrs.flag("transpose_b") ? 0 : 1; }

Attrs transposed_matmul(const Node& node) {
  Attrs attrs = node.attrs;
  attrs.set("transpose_b", !node.attrs.flag("transpose_b"));
  return attrs;
}

Value last_axes_swapped(Builder& b, Value x) {
  Ints perm(b.shape(x).rank());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 2], perm[perm.size() - 1]);
  return b.transpose(x, std::move(perm));
}

Value build_matmul(Builder& b, const Node& node, const QuantisedMatrix& matrix) {
  internal_check(node.attrs.strings("epilogue").empty(),
                 "matmul: weights are stored before epilogues are formed");
  Value x = node.operands[0];
  if (matrix.in_groups) {
    if (node.attrs.flag("transpose_a")) x = last_axes_swapped(b, x);
    return b.op(OpKind::matmul_i4, {x, matrix.numbers, matrix.scales});
  }
  Attrs attrs = node.attrs;
  attrs.set("transpose_b", true);
  return b.mul(b.op(OpKind::matmul, {x, matrix.numbers}, attrs), matrix.scales);
}

// -- embedding: rows of a table by ids ------------------------------------------------------------

std::size_t channels_of_embedding(const Node&) { return 0; }

Value build_embedding(Builder& b, const Node& node, const QuantisedMatrix& matrix) {
  const Value ids = node.operands[1];
  const Value found = b.op(OpKind::embedding, {matrix.numbers, ids});
  if (matrix.in_groups) {
    const Value scales = b.op(OpKind::embedding, {matrix.scales, ids});
    return b.op(OpKind::unpack_i4, {found, scales});
  }
  const Value column = b.reshape(matrix.scales, rules::as_column(b.shape(matrix.scales)));
  const Value scales = b.op(OpKind::embedding, {column, ids});
  return b.mul(rules::cast_to(b, found, DType::f32), scales);
}

}  // namespace

constinit const Quantise embedding = {.operand = 0,
                                      .channels = channels_of_embedding,
                                      .reads_whole = false,
                                      .transposed = nullptr,
                                      .build = build_embedding};

constinit const Quantise matmul = {.operand = 1,
                                   .channels = channels_of_matmul,
                                   .reads_whole = true,
                                   .transposed = transposed_matmul,
                                   .build = build_matmul};

}  // namespace gptc::ir::quantise
