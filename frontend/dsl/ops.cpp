#include "frontend/dsl/ops.h"

#include <cmath>
#include <limits>

#include "frontend/dsl/context.h"
#include "ir/check.h"

namespace gptc::dsl {
namespace {

using ir::OpKind;

Tensor make(OpKind kind, const std::vector<Tensor>& operands, const Location& where,
            ir::Attrs attrs = {}) {
  return operands.front().context().op(kind, operands, std::move(attrs), where);
}

Tensor binary(OpKind kind, const Operand& a, const Operand& b) {
  return make(kind, {a.tensor, b.tensor}, a.location);
}

Operand number(double value, const Operand& like) {
  return {like.tensor.context().constant(value, like.tensor.dtype(), like.location), like.location};
}

std::int64_t axis_of(const Tensor& x, int axis, const Location& where) {
  const int rank = static_cast<int>(x.rank());
  const int at = axis < 0 ? axis + rank : axis;
  ir::user_check(at >= 0 && at < rank, "axis: it must exist in [{}], but got {} {}",
                 x.shape().text(), axis, x.context().place(where));
  return at;
}

}  // namespace

Tensor operator+(const Operand& a, const Operand& b) { return binary(OpKind::add, a, b); }
Tensor operator-(const Operand& a, const Operand& b) { return binary(OpKind::sub, a, b); }
Tensor operator*(const Operand& a, const Operand& b) { return binary(OpKind::mul, a, b); }
Tensor operator/(const Operand& a, const Operand& b) { return binary(OpKind::div, a, b); }
Tensor operator+(const Operand& a, double b) { return a + number(b, a); }
Tensor operator-(const Operand& a, double b) { return a - number(b, a); }
Tensor operator*(const Operand& a, double b) { return a * number(b, a); }
Tensor operator*(double a, const Operand& b) { return b * number(a, b); }
Tensor operator/(const Operand& a, double b) { return a / number(b, a); }
Tensor operator-(const Operand& a) { return make(OpKind::neg, {a.tensor}, a.location); }

Tensor maximum(const Tensor& a, const Tensor& b, Location where) {
  return make(OpKind::maximum, {a, b}, where);
}
Tensor exp(const Tensor& x, Location where) { return make(OpKind::exp, {x}, where); }
Tensor log(const Tensor& x, Location where) { return make(OpKind::log, {x}, where); }
Tensor sqrt(const Tensor& x, Location where) { return make(OpKind::sqrt, {x}, where); }
Tensor rsqrt(const Tensor& x, Location where) { return make(OpKind::rsqrt, {x}, where); }
Tensor tanh(const Tensor& x, Location where) { return make(OpKind::tanh, {x}, where); }
Tensor sigmoid(const Tensor& x, Location where) { return make(OpKind::sigmoid, {x}, where); }
Tensor relu(const Tensor& x, Location where) { return make(OpKind::relu, {x}, where); }
Tensor gelu(const Tensor& x, Location where) { return make(OpKind::gelu, {x}, where); }

Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions options, Location where) {
  return make(OpKind::matmul, {a, b}, where,
              {{"transpose_a", options.transpose_a}, {"transpose_b", options.transpose_b}});
}

Tensor softmax(const Tensor& x, Location where) { return make(OpKind::softmax, {x}, where); }
Tensor causal_mask(const Tensor& x, Location where) {
  return make(OpKind::causal_mask, {x}, where,
              {{"fill", -std::numeric_limits<double>::infinity()}});
}

Tensor reshape(const Tensor& x, const Shape& shape, Location where) {
  return make(OpKind::reshape, {x}, where, {{"shape", shape}});
}
Tensor transpose(const Tensor& x, const ir::Ints& perm, Location where) {
  return make(OpKind::transpose, {x}, where, {{"perm", perm}});
}
Tensor slice(const Tensor& x, const SliceOptions& options, Location where) {
  return make(OpKind::slice, {x}, where,
              {{"axis", axis_of(x, options.axis, where)},
               {"start", options.start},
               {"size", Shape{options.size}}});
}
Tensor concat(const std::vector<Tensor>& parts, int axis, Location where) {
  ir::user_check(!parts.empty(), "concat: there must be at least one part, but got none");
  return make(OpKind::concat, parts, where, {{"axis", axis_of(parts.front(), axis, where)}});
}
Tensor shift(const Tensor& x, int axis, std::int64_t by, Location where) {
  return make(OpKind::shift, {x}, where, {{"axis", axis_of(x, axis, where)}, {"by", by}});
}
Tensor part(const Tensor& x, std::int64_t index, std::int64_t parts, const Location& where) {
  const std::int64_t size = x.dim(-1).size();
  ir::user_check(size % parts == 0, "split: {} parts must divide the last axis, but got [{}] {}",
                 parts, x.shape().text(), x.context().place(where));
  return slice(x, {.axis = -1, .start = index * (size / parts), .size = size / parts}, where);
}

Tensor reduce_sum(const Tensor& x, const ir::Ints& axes, Location where) {
  return make(OpKind::reduce_sum, {x}, where, {{"axes", axes}});
}
Tensor reduce_max(const Tensor& x, const ir::Ints& axes, Location where) {
  return make(OpKind::reduce_max, {x}, where, {{"axes", axes}});
}

Tensor embedding(const Tensor& table, const Tensor& ids, Location where) {
  return make(OpKind::embedding, {table, ids}, where);
}
Tensor dropout(const Tensor& x, double p, Location where) {
  Context& context = x.context();
  ir::user_check(p >= 0 && p < 1, "dropout: p must be at least 0 and below 1, but got {} {}", p,
                 context.place(where));
  if (p == 0) return x;
  const std::uint64_t key = context.random_key("dropout");
  return make(OpKind::dropout, {x, context.micro_batch()}, where, {{"p", p}, {"rng_key", key}});
}
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, Location where) {
  return make(OpKind::cross_entropy, {logits, targets}, where);
}
Tensor token_count(const Tensor& targets, Location where) {
  return make(OpKind::token_count, {targets}, where);
}

}  // namespace gptc::dsl
