#include "backends/onednn/product.h"

#include <algorithm>
#include <utility>

namespace gptc::onednn {
namespace {

constexpr std::int64_t longest = 1024;

/// Calls to be executed one after the other.
class Calls final : public Kernel {
 public:
  explicit Calls(std::vector<MatmulCall> calls) : calls_(std::move(calls)) {}
  void execute() override {
    for (const MatmulCall& call : calls_) call.execute();
  }

 private:
  std::vector<MatmulCall> calls_;
};

bool is_cut(const MatmulSpec& spec) {
  // Partial sums must not be rounded.
  return Product::is_long(spec) && spec.c.dtype == ir::DType::f32;
}

}  // namespace

bool Product::is_long(const MatmulSpec& spec) {
  if (!has_block_kernels()) return false;
  const auto& ops = spec.post_ops;
  const bool commutes =
      ops.empty() ||
      (ops.size() == 1 && (ops[0].op == PostOp::add || ops[0].op == PostOp::accumulate));
  return spec.a.col_stride != 1 && spec.b.col_stride == 1 && spec.a.cols > longest && commutes;
}

Product::Product(const MatmulSpec& spec) : spec_(spec) {
  if (!has_block_kernels()) return;
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

std::int64_t Product::library_bytes() const {
  std::int64_t bytes = 0;
  for (const Slice& slice : slices_) bytes = std::max(bytes, slice.primitive.scratchpad_bytes());
  return bytes;
}

std::int64_t Product::scratchpad_bytes(int threads) const {
  return slices_.empty() ? PackedProduct(spec_).scratchpad_bytes(threads) : library_bytes();
}

std::int64_t Product::allocated_bytes(const MatmulSpec& spec, int threads) {
  return has_block_kernels() ? packing_bytes(spec, threads) : 0;
}

std::unique_ptr<Kernel> Product::bind(const MatmulPointers& pointers, int threads) const {
  if (slices_.empty()) return PackedProduct(spec_).bind(pointers, threads);
  std::vector<MatmulCall> calls;
  for (const Slice& slice : slices_) {
    MatmulPointers part = pointers;
    part.a += slice.begin * spec_.a.col_stride * ir::dtype_bytes(spec_.a.dtype);
    part.b += slice.begin * spec_.b.row_stride * ir::dtype_bytes(spec_.b.dtype);
    if (slice.begin > 0) part.operands.clear();
    calls.push_back(slice.primitive.bind(part));
  }
  return std::make_unique<Calls>(std::move(calls));
}

}  // namespace gptc::onednn
