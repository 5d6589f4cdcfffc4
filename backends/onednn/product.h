// A product of matrices by whatever multiplies fastest here, with bits that do not depend on the
// number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backends/onednn/dnnl_compat.h"
#include "backends/onednn/kernel.h"
#include "backends/onednn/packed_product.h"

namespace gptc::onednn {

/// oneDNN's primitives where it has block kernels for this processor, else a PackedProduct.
///
/// Over a long K with only a stored transposed (a weight's gradient over many rows) oneDNN gives
/// threads parts of the sum; up to 1024 it does not. So the sum is cut into parts that long, added
/// up in order. The post-ops must be none, one `add` or one `accumulate` for that, and the result
/// f32; otherwise the product stays whole.
class Product {
 public:
  /// Made under the ThreadCount that it will run with.
  explicit Product(const MatmulSpec& spec);
  /// Whether the sum would be cut if the result were f32.
  static bool is_long(const MatmulSpec& spec);
  std::int64_t scratchpad_bytes(int threads) const;
  /// What of it is oneDNN's.
  std::int64_t library_bytes() const;
  /// What oneDNN allocates by itself in a call, at most.
  static std::int64_t allocated_bytes(const MatmulSpec& spec, int threads);
  std::unique_ptr<Kernel> bind(const MatmulPointers& pointers, int threads) const;

 private:
  struct Slice {
    MatmulPrimitive primitive;
    std::int64_t begin = 0;  // of the sum
  };
  MatmulSpec spec_;
  std::vector<Slice> slices_;  // none: ours
};

}  // namespace gptc::onednn
