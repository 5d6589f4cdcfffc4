// oneDNN behind one door: the only file that includes its headers and knows 2.x from 3.x.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ir/type.h"

namespace gptc::onednn {

/// A batch of matrices anywhere in memory; strides in elements. A batch of 1 against a larger one
/// is used for all of it.
struct MatrixLayout {
  ir::DType dtype = ir::DType::f32;
  std::int64_t batch = 1;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t batch_stride = 0;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 1;

  /// Plain C order.
  static MatrixLayout plain(ir::DType dtype, std::int64_t batch, std::int64_t rows,
                            std::int64_t cols);
  /// The same bytes read with rows and columns exchanged.
  MatrixLayout transposed() const;
};

/// Applied to the product in order. `bias_row` adds operand[N] to every row; `mul` and `add` take
/// an operand laid out like the result; `accumulate` adds what the result held before.
enum class PostOp : std::uint8_t { bias_row, gelu_tanh, relu, mul, add, accumulate };

/// A step on the product and the dtype of its operand, where it takes one.
struct PostStep {
  PostOp op;
  ir::DType dtype = ir::DType::f32;
};

/// c = post_ops(a · b) per batch; a [M,K], b [K,N], c [M,N].
struct MatmulSpec {
  MatrixLayout a;
  MatrixLayout b;
  MatrixLayout c;
  std::vector<PostStep> post_ops;
  /// Each call first copies b into the layout that oneDNN's block kernels read fastest; the copy
  /// lies in the scratchpad. Worth it where many rows of a share it.
  bool repack_b = false;
};

/// Where a call reads and writes. `operands`: one for each bias_row, mul and add, in their order.
struct MatmulPointers {
  const std::byte* a = nullptr;
  const std::byte* b = nullptr;
  std::byte* c = nullptr;
  std::vector<const std::byte*> operands;
  std::byte* scratchpad = nullptr;  // 64-byte aligned
};

/// A primitive on fixed memory. execute() allocates nothing of ours.
class MatmulCall {
 public:
  MatmulCall(MatmulCall&&) noexcept;
  MatmulCall& operator=(MatmulCall&&) noexcept;
  ~MatmulCall();
  void execute() const;

 private:
  friend class MatmulPrimitive;
  struct Impl;
  explicit MatmulCall(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A matmul compiled by oneDNN for the number of OpenMP threads set when it is made; execute its
/// calls under the same number. InternalError with oneDNN's message if it refuses.
class MatmulPrimitive {
 public:
  explicit MatmulPrimitive(const MatmulSpec& spec);
  std::int64_t scratchpad_bytes() const;
  MatmulCall bind(const MatmulPointers& pointers) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// What oneDNN's packing gemm allocates for itself in a call, where it is chosen: for each thread a
/// panel of either operand, by the largest blocks of oneDNN 2.6 and 3.x for f32.
std::int64_t packing_bytes(const MatmulSpec& spec, int threads);

/// Whether oneDNN multiplies by its block kernels here, f32 and bf16: x86 with AVX-512.
bool has_block_kernels();

/// "2.6.3" and the like.
std::string dnnl_version_text();

}  // namespace gptc::onednn
