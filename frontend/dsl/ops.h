// Ops of the DSL: one function per op of the IR that a model may use. Rules and meaning:
// ir/README.md.
#pragma once

#include <array>
#include <vector>

#include "frontend/dsl/tensor.h"
#include "ir/attrs.h"

namespace gptc::dsl {

// Elementwise with NumPy's broadcasting.
Tensor operator+(const Operand& a, const Operand& b);
Tensor operator-(const Operand& a, const Operand& b);
Tensor operator*(const Operand& a, const Operand& b);
Tensor operator/(const Operand& a, const Operand& b);
Tensor operator+(const Operand& a, double b);
Tensor operator-(const Operand& a, double b);
Tensor operator*(const Operand& a, double b);
Tensor operator*(double a, const Operand& b);
Tensor operator/(const Operand& a, double b);
Tensor operator-(const Operand& a);
Tensor maximum(const Tensor& a, const Tensor& b, Location where = Location::current());
Tensor exp(const Tensor& x, Location where = Location::current());
Tensor log(const Tensor& x, Location where = Location::current());
Tensor sqrt(const Tensor& x, Location where = Location::current());
Tensor rsqrt(const Tensor& x, Location where = Location::current());
Tensor tanh(const Tensor& x, Location where = Location::current());
Tensor sigmoid(const Tensor& x, Location where = Location::current());
Tensor relu(const Tensor& x, Location where = Location::current());
/// GPT-2's tanh form (Hendrycks and Gimpel, arXiv:1606.08415).
Tensor gelu(const Tensor& x, Location where = Location::current());

struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
};
/// a[...,M,K] · b[K,N] or b[...,K,N] → [...,M,N]; transposed operands are stored so.
Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions options = {},
              Location where = Location::current());

/// Over the last axis.
Tensor softmax(const Tensor& x, Location where = Location::current());
/// x[...,Tq,Tk] with -inf where a query would see a later key.
Tensor causal_mask(const Tensor& x, Location where = Location::current());

Tensor reshape(const Tensor& x, const Shape& shape, Location where = Location::current());
/// Result axis i is operand axis perm[i].
Tensor transpose(const Tensor& x, const ir::Ints& perm, Location where = Location::current());
struct SliceOptions {
  int axis = 0;
  std::int64_t start = 0;
  Dim size = 1;
};
Tensor slice(const Tensor& x, const SliceOptions& options, Location where = Location::current());
/// N equal parts of the last axis.
template <std::size_t N>
std::array<Tensor, N> split(const Tensor& x, Location where = Location::current());
Tensor concat(const std::vector<Tensor>& parts, int axis, Location where = Location::current());
/// result[i] = x[i - by] along the axis, zeros where there is none: the past by `by` positions.
Tensor shift(const Tensor& x, int axis, std::int64_t by, Location where = Location::current());

Tensor reduce_sum(const Tensor& x, const ir::Ints& axes, Location where = Location::current());
Tensor reduce_max(const Tensor& x, const ir::Ints& axes, Location where = Location::current());

/// Rows of table[V,C] at ids[...] → [...,C].
Tensor embedding(const Tensor& table, const Tensor& ids, Location where = Location::current());
/// Inverted dropout, in training only; p = 0 is x itself and draws nothing.
Tensor dropout(const Tensor& x, double p, Location where = Location::current());
/// Σ -log softmax(logits)[target] over targets that are not negative.
Tensor cross_entropy(const Tensor& logits, const Tensor& targets,
                     Location where = Location::current());
/// How many targets are not negative, as f32[].
Tensor token_count(const Tensor& targets, Location where = Location::current());

/// One part of N of the last axis; split() is made of these.
Tensor part(const Tensor& x, std::int64_t index, std::int64_t parts, const Location& where);

template <std::size_t N>
std::array<Tensor, N> split(const Tensor& x, Location where) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Tensor, N>{part(x, I, N, where)...};
  }
  (std::make_index_sequence<N>{});
}

}  // namespace gptc::dsl
