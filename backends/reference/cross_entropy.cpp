// Targets below zero do not count; the loss is the sum over the others.
#include <cmath>

#include "backends/reference/kernel.h"
#include "backends/reference/rows.h"

namespace gptc::reference {

namespace {

/// The i-th id of an operand as an index; 0 stands for those that do not count.
template <class F>
std::size_t target_at(const Call<F>& call, std::size_t operand, std::size_t i, std::size_t size) {
  return checked_id(call.node, call.ints(operand)[i], NegativeIds::ignored, size, i);
}

/// Of one row of logits: returns -log softmax at the target and, if asked, writes
/// scale · (softmax - onehot).
template <class F>
F row_loss(const F* logits, std::size_t size, std::size_t target, F scale, F* grad) {
  const F lse = log_sum_exp(logits, size);
  for (std::size_t j = 0; grad != nullptr && j < size; ++j)
    grad[j] = scale * (std::exp(logits[j] - lse) - (j == target ? F(1) : F(0)));
  return lse - logits[target];
}

/// Logits of one row of x: x · wᵀ.
template <class F>
std::vector<F> head_row(const F* x, const std::vector<F>& w, std::size_t vocabulary,
                        std::size_t channels) {
  std::vector<F> logits(vocabulary, F(0));
  for (std::size_t v = 0; v < vocabulary; ++v)
    for (std::size_t c = 0; c < channels; ++c) logits[v] += x[c] * w[v * channels + c];
  return logits;
}

}  // namespace

template <class F>
void kernel_pick(Call<F>& call) {
  const std::size_t size = last_size(call.shape(0));
  for (std::size_t i = 0; i < call.ints(1).size(); ++i) {
    const std::int64_t id = call.ints(1)[i];
    const std::size_t at = target_at(call, 1, i, size);
    call.out()[i] = id < 0 ? F(0) : call.reals(0)[i * size + at];
  }
}
GPTC_REFERENCE_KERNEL(pick);

template <class F>
void kernel_pick_grad(Call<F>& call) {
  const std::size_t size = last_size(call.results[0].type.shape);
  for (std::size_t i = 0; i < call.ints(0).size(); ++i) {
    const std::int64_t id = call.ints(0)[i];
    const std::size_t at = target_at(call, 0, i, size);
    if (id >= 0) call.out()[i * size + at] = call.reals(1)[i];
  }
}
GPTC_REFERENCE_KERNEL(pick_grad);

template <class F>
void kernel_token_count(Call<F>& call) {
  for (const std::int64_t id : call.ints(0))
    if (id >= 0) call.out()[0] += 1;
}
GPTC_REFERENCE_KERNEL(token_count);

template <class F>
void kernel_cross_entropy(Call<F>& call) {
  const std::size_t size = last_size(call.shape(0));
  for (std::size_t i = 0; i < call.ints(1).size(); ++i) {
    const std::size_t target = target_at(call, 1, i, size);
    if (call.ints(1)[i] >= 0)
      call.out()[0] += row_loss<F>(call.reals(0).data() + i * size, size, target, F(0), nullptr);
  }
}
GPTC_REFERENCE_KERNEL(cross_entropy);

template <class F>
void kernel_cross_entropy_grad(Call<F>& call) {
  const std::size_t size = last_size(call.shape(0));
  for (std::size_t i = 0; i < call.ints(1).size(); ++i) {
    const std::size_t target = target_at(call, 1, i, size);
    if (call.ints(1)[i] >= 0)
      row_loss<F>(call.reals(0).data() + i * size, size, target, call.reals(2)[0],
                  call.out().data() + i * size);
  }
}
GPTC_REFERENCE_KERNEL(cross_entropy_grad);

template <class F>
void kernel_linear_cross_entropy(Call<F>& call) {
  const std::size_t vocabulary = size_at(call.shape(1), 0);
  const std::size_t channels = size_at(call.shape(1), 1);
  for (std::size_t i = 0; i < call.ints(2).size(); ++i) {
    const std::size_t target = target_at(call, 2, i, vocabulary);
    if (call.ints(2)[i] < 0) continue;
    const F* x = call.reals(0).data() + i * channels;
    const std::vector<F> logits = head_row(x, call.reals(1), vocabulary, channels);
    call.out()[0] += row_loss<F>(logits.data(), vocabulary, target, F(0), nullptr);
  }
}
GPTC_REFERENCE_KERNEL(linear_cross_entropy);

template <class F>
void kernel_linear_cross_entropy_grad(Call<F>& call) {
  const std::size_t vocabulary = size_at(call.shape(1), 0);
  const std::size_t channels = size_at(call.shape(1), 1);
  std::vector<F> grad(vocabulary);
  for (std::size_t i = 0; i < call.ints(2).size(); ++i) {
    const std::size_t target = target_at(call, 2, i, vocabulary);
    if (call.ints(2)[i] < 0) continue;
    const F* x = call.reals(0).data() + i * channels;
    const std::vector<F> logits = head_row(x, call.reals(1), vocabulary, channels);
    call.out(0)[0] += row_loss<F>(logits.data(), vocabulary, target, call.reals(3)[0], grad.data());
    for (std::size_t v = 0; v < vocabulary; ++v)
      for (std::size_t c = 0; c < channels; ++c) {
        call.out(1)[i * channels + c] += grad[v] * call.reals(1)[v * channels + c];
        call.out(2)[v * channels + c] += grad[v] * x[c];
      }
  }
}
GPTC_REFERENCE_KERNEL(linear_cross_entropy_grad);

}  // namespace gptc::reference
