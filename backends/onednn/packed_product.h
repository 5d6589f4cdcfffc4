// Products by our own loops, for processors that oneDNN has no block kernels for: there its gemm
// leaves a quarter of the peak, gives threads parts of a sum, and does not know bf16.
#pragma once

#include <cstdint>
#include <memory>

#include "backends/onednn/dnnl_compat.h"
#include "backends/onednn/kernel.h"

namespace gptc::onednn {

/// A matmul of any strides, f32 and bf16 (widened while it is packed); also b of i8. Sums are f32,
/// in an order that depends on K alone: a row's bits depend neither on the other rows nor on
/// threads.
class PackedProduct {
 public:
  explicit PackedProduct(const MatmulSpec& spec);
  /// What bind() needs as scratchpad for so many threads.
  std::int64_t scratchpad_bytes(int threads) const;
  std::unique_ptr<Kernel> bind(const MatmulPointers& pointers, int threads) const;

 private:
  MatmulSpec spec_;
};

}  // namespace gptc::onednn
