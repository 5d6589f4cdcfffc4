#include "frontend/dsl/layers.h"

#include <cmath>

#include "frontend/dsl/context.h"
#include "ir/check.h"

namespace gptc::dsl {

Tensor linear(const Scope& scope, const Tensor& x, std::int64_t out, const LinearOptions& options,
              Location where) {
  const auto inside = scope.enter();
  const Tensor weight = scope.parameter("weight", {x.dim(-1), out}, options.weight_init, where);
  const Tensor y = matmul(x, weight, {}, where);
  if (!options.bias) return y;
  return Operand(y, where) +
         Operand(scope.parameter("bias", {out}, options.bias_init, where), where);
}

Tensor layer_norm(const Scope& scope, const Tensor& x, double eps, Location where) {
  const auto inside = scope.enter();
  const Tensor gain = scope.parameter("weight", {x.dim(-1)}, constant(1), where);
  const Tensor bias = scope.parameter("bias", {x.dim(-1)}, zeros(), where);
  return x.context().op(ir::OpKind::layer_norm, {x, gain, bias}, {{"eps", eps}}, where);
}

Tensor causal_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                        const AttentionOptions& options, Location where) {
  const Dim width = q.dim(-1);
  ir::user_check(options.heads > 0 && width.size() % options.heads == 0,
                 "attention: heads must divide the width, but got {} heads and width {} {}",
                 options.heads, width.size(), q.context().place(where));
  const std::int64_t head_size = width.size() / options.heads;
  const auto split_heads = [&](const Tensor& x) {  // [B,T,C] → [B,H,T,D]
    return transpose(reshape(x, {x.dim(0), x.dim(1), options.heads, head_size}, where),
                     {0, 2, 1, 3}, where);
  };
  const double scale = 1.0 / std::sqrt(static_cast<double>(head_size));
  const Tensor scores = matmul(split_heads(q), split_heads(k), {.transpose_b = true}, where);
  const Tensor masked = causal_mask(Operand(scores, where) * scale, where);
  const Tensor probabilities = dropout(softmax(masked, where), options.dropout, where);
  const Tensor mixed = matmul(probabilities, split_heads(v), {}, where);
  return reshape(transpose(mixed, {0, 2, 1, 3}, where), q.shape(), where);
}

}  // namespace gptc::dsl
