#include "backends/onednn/sliced_matmul.h"

#include <algorithm>

namespace gptc::onednn {
namespace {

constexpr std::int64_t longest = 1024;

bool is_cut(const MatmulSpec& spec) {
  // Partial sums must not be rounded.
  return SlicedMatmul::is_long(spec) && spec.c.dtype == ir::DType::f32;
}

}  // namespace

bool SlicedMatmul::is_long(const MatmulSpec& spec) {
  const auto& ops = spec.post_ops;
  const bool commutes =
      ops.empty() ||
      (ops.size() == 1 && (ops[0].op == PostOp::add || ops[0].op == PostOp::accumulate));
  return spec.a.col_stride != 1 && spec.b.col_stride == 1 && spec.a.cols > longest && commutes;
}

SlicedMatmul::SlicedMatmul(const MatmulSpec& spec) : spec_(spec) {
  const std::int64_t depth = spec.a.cols;
  const std::int64_t count = is_cut(spec) ? (depth + longest - 1) / longest : 1;
  for (std::int64_t i = 0; i < count; ++i) {
    MatmulSpec part = spec;
    const std::int64_t begin = i * depth / count;
    part.a.cols = (i + 1) * depth / count - begin;
    part.b.rows = part.a.cols;
    if (i > 0) part.post_ops.assign(1, {PostOp::accumulate});
    slices_.push_back({MatmulPrimitive(part), begin});
  }
}

std::int64_t SlicedMatmul::scratchpad_bytes() const {
  std::int64_t bytes = 0;
  for (const Slice& slice : slices_) bytes = std::max(bytes, slice.primitive.scratchpad_bytes());
  return bytes;
}

std::vector<MatmulCall> SlicedMatmul::bind(const MatmulPointers& pointers) const {
  std::vector<MatmulCall> calls;
  for (const Slice& slice : slices_) {
    MatmulPointers part = pointers;
    part.a += slice.begin * spec_.a.col_stride * ir::dtype_bytes(spec_.a.dtype);
    part.b += slice.begin * spec_.b.row_stride * ir::dtype_bytes(spec_.b.dtype);
    if (slice.begin > 0) part.operands.clear();
    calls.push_back(slice.primitive.bind(part));
  }
  return calls;
}

}  // namespace gptc::onednn
