#include "backends/reference/kernel.h"
#include "backends/reference/scalar.h"
#include "ir/check.h"

namespace gptc::reference {

namespace {

template <class F>
struct Matrix {
  const F* data;
  std::size_t stride;
  bool transposed;
  F at(std::size_t row, std::size_t column) const {
    return transposed ? data[column * stride + row] : data[row * stride + column];
  }
};

/// One step of the epilogue on a result element; `other` is the element of the step's operand.
template <class F>
F epilogue_step(const std::string& step, F x, F other) {
  if (step == "gelu") return gelu(x);
  if (step == "relu") return relu(x);
  if (step == "mul" || step == "scale") return x * other;
  ir::internal_check(step == "bias" || step == "add", "matmul: epilogue '{}' is unknown", step);
  return x + other;
}

template <class F>
void apply_epilogue(Call<F>& call) {
  std::vector<F>& out = call.out();
  const std::size_t columns = last_size(call.results[0].type.shape);
  std::size_t next = 2;
  for (const std::string& step : call.attrs().strings("epilogue")) {
    const bool unary = step == "gelu" || step == "relu";
    const std::vector<F>& operand = unary ? out : call.reals(next++);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] =
          epilogue_step(step, out[i], operand[step == "bias" || step == "scale" ? i % columns : i]);
  }
}

}  // namespace

template <class F>
void kernel_matmul(Call<F>& call) {
  const bool transpose_a = call.attrs().flag("transpose_a");
  const bool transpose_b = call.attrs().flag("transpose_b");
  const ir::Shape& a_shape = call.shape(0);
  const ir::Shape& b_shape = call.shape(1);
  const ir::Shape& shape = call.results[0].type.shape;
  const std::size_t n = last_size(shape);
  const std::size_t m = size_at(shape, shape.rank() - 2);
  const std::size_t k = size_at(a_shape, a_shape.rank() - (transpose_a ? 2 : 1));
  // Weights may be whole numbers.
  const HostTensor<F>& weights = *call.operands[1];
  const std::vector<F> right =
      weights.is_real() ? weights.reals : std::vector<F>(weights.ints.begin(), weights.ints.end());
  const std::size_t batches = m * n == 0 ? 0 : call.out().size() / (m * n);
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const std::size_t b_batch = b_shape.rank() == 2 ? 0 : batch;
    const Matrix<F> a{call.reals(0).data() + batch * m * k, last_size(a_shape), transpose_a};
    const Matrix<F> b{right.data() + b_batch * k * n, last_size(b_shape), transpose_b};
    F* out = call.out().data() + batch * m * n;
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t l = 0; l < k; ++l) out[i * n + j] += a.at(i, l) * b.at(l, j);
  }
  apply_epilogue(call);
}
GPTC_REFERENCE_KERNEL(matmul);

}  // namespace gptc::reference
