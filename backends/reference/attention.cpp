// y = dropout(softmax(scale · q · kᵀ, masked)) · v, head by head (Vaswani et al., 2017).
#include <cmath>

#include "backends/reference/kernel.h"
#include "backends/reference/rows.h"
#include "backends/runtime/philox.h"

namespace gptc::reference {

namespace {

/// Sizes and attributes of one call, and where the row of (batch, time, head) begins.
struct Heads {
  std::size_t batches, queries, keys, channels, heads, size;
  bool causal;
  double scale, p;
  std::uint64_t key, counter;

  std::size_t query_row(std::size_t b, std::size_t t, std::size_t h) const {
    return (b * queries + t) * channels + h * size;
  }
  std::size_t key_row(std::size_t b, std::size_t t, std::size_t h) const {
    return (b * keys + t) * channels + h * size;
  }
  std::size_t statistic(std::size_t b, std::size_t h, std::size_t t) const {
    return (b * heads + h) * queries + t;
  }
  std::size_t visible(std::size_t t) const { return causal ? t + 1 + keys - queries : keys; }
  /// 0 where dropped, otherwise 1 / (1 - p).
  double keep(std::size_t b, std::size_t h, std::size_t t, std::size_t k) const {
    if (p == 0) return 1;
    const std::uint64_t element = statistic(b, h, t) * keys + k;
    const bool kept = runtime::philox_word(element, counter, key) >= runtime::keep_threshold(p);
    return kept ? 1 / (1 - p) : 0;
  }
};

template <class F>
Heads heads_of(const Call<F>& call, std::size_t counter_operand) {
  const ir::Attrs& attrs = call.attrs();
  const auto heads = static_cast<std::size_t>(attrs.integer("heads"));
  const std::size_t channels = size_at(call.shape(0), 2);
  const double p = attrs.real("p");
  return {.batches = size_at(call.shape(0), 0),
          .queries = size_at(call.shape(0), 1),
          .keys = size_at(call.shape(1), 1),
          .channels = channels,
          .heads = heads,
          .size = channels / heads,
          .causal = attrs.flag("causal"),
          .scale = attrs.real("scale"),
          .p = p,
          .key = attrs.key("rng_key"),
          .counter = p > 0 ? static_cast<std::uint64_t>(call.ints(counter_operand)[0]) : 0};
}

template <class F>
F dot(const F* a, const F* b, std::size_t count) {
  F sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

/// Scaled scores of one query against the keys it sees.
template <class F>
std::vector<F> scores_of(const Call<F>& call, const Heads& at, std::size_t b, std::size_t h,
                         std::size_t t) {
  std::vector<F> scores(at.visible(t));
  const F* q = call.reals(0).data() + at.query_row(b, t, h);
  for (std::size_t k = 0; k < scores.size(); ++k)
    scores[k] =
        static_cast<F>(at.scale) * dot(q, call.reals(1).data() + at.key_row(b, k, h), at.size);
  return scores;
}

template <class Visit>
void for_each_query(const Heads& at, const Visit& visit) {
  for (std::size_t b = 0; b < at.batches; ++b)
    for (std::size_t h = 0; h < at.heads; ++h)
      for (std::size_t t = 0; t < at.queries; ++t) visit(b, h, t);
}

}  // namespace

template <class F>
void kernel_attention(Call<F>& call) {
  const Heads at = heads_of(call, 3);
  for_each_query(at, [&](std::size_t b, std::size_t h, std::size_t t) {
    const std::vector<F> scores = scores_of(call, at, b, h, t);
    const F lse = log_sum_exp(scores.data(), scores.size());
    call.out(1)[at.statistic(b, h, t)] = lse;
    F* y = call.out(0).data() + at.query_row(b, t, h);
    for (std::size_t k = 0; k < scores.size(); ++k) {
      const F weight = std::exp(scores[k] - lse) * static_cast<F>(at.keep(b, h, t, k));
      const F* v = call.reals(2).data() + at.key_row(b, k, h);
      for (std::size_t d = 0; d < at.size; ++d) y[d] += weight * v[d];
    }
  });
}
GPTC_REFERENCE_KERNEL(attention);

/// Operands q, k, v, y, lse, dy. With P the probabilities, Z the dropout factors and
/// dP = Z · (dy · vᵀ): dS = P · (dP - Σ P·dP), and Σ P·dP = y · dy.
template <class F>
void kernel_attention_grad(Call<F>& call) {
  const Heads at = heads_of(call, 6);
  const auto scale = static_cast<F>(at.scale);
  for_each_query(at, [&](std::size_t b, std::size_t h, std::size_t t) {
    const std::size_t row = at.query_row(b, t, h);
    const std::vector<F> scores = scores_of(call, at, b, h, t);
    const F lse = call.reals(4)[at.statistic(b, h, t)];
    const F* dy = call.reals(5).data() + row;
    const F mean = dot(call.reals(3).data() + row, dy, at.size);
    for (std::size_t k = 0; k < scores.size(); ++k) {
      const std::size_t key_row = at.key_row(b, k, h);
      const F weight = std::exp(scores[k] - lse);
      const F keep = static_cast<F>(at.keep(b, h, t, k));
      const F ds =
          weight * (keep * dot(dy, call.reals(2).data() + key_row, at.size) - mean) * scale;
      for (std::size_t d = 0; d < at.size; ++d) {
        call.out(0)[row + d] += ds * call.reals(1)[key_row + d];
        call.out(1)[key_row + d] += ds * call.reals(0)[row + d];
        call.out(2)[key_row + d] += weight * keep * dy[d];
      }
    }
  });
}
GPTC_REFERENCE_KERNEL(attention_grad);

}  // namespace gptc::reference
