// Layers: ops with parameters, named by their scope.
#pragma once

#include "frontend/dsl/ops.h"

namespace gptc::dsl {

struct LinearOptions {
  bool bias = true;
  Init weight_init = normal(0.02);
  Init bias_init = zeros();
};
/// x[...,K] → [...,out]: x · weight[K,out] + bias[out].
Tensor linear(const Scope& scope, const Tensor& x, std::int64_t out,
              const LinearOptions& options = {}, Location where = Location::current());

/// Over the last axis, with gain `weight` and `bias` (Ba et al., arXiv:1607.06450); biased
/// variance.
Tensor layer_norm(const Scope& scope, const Tensor& x, double eps = 1e-5,
                  Location where = Location::current());

struct AttentionOptions {
  std::int64_t heads = 1;
  double dropout = 0;  // on the probabilities
};
/// Causal scaled dot-product attention of q, k, v [B,T,C] with heads contiguous in C → [B,T,C]
/// (Vaswani et al., arXiv:1706.03762).
Tensor causal_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                        const AttentionOptions& options, Location where = Location::current());

}  // namespace gptc::dsl
