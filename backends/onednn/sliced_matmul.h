// A product whose bits do not depend on the number of threads, whatever oneDNN does with a long
// sum.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/onednn/dnnl_compat.h"

namespace gptc::onednn {

/// Over a long K with only a stored transposed (a weight's gradient over many rows) oneDNN gives
/// threads parts of the sum; up to 1024 it does not. So the sum is cut into parts that long, added
/// up in order. The post-ops must be none, one `add` or one `accumulate` for that, and the result
/// f32; otherwise the product stays whole.
class SlicedMatmul {
 public:
  explicit SlicedMatmul(const MatmulSpec& spec);
  /// Whether the sum would be cut if the result were f32.
  static bool is_long(const MatmulSpec& spec);
  std::int64_t scratchpad_bytes() const;
  /// Calls to be executed one after the other.
  std::vector<MatmulCall> bind(const MatmulPointers& pointers) const;

 private:
  struct Slice {
    MatmulPrimitive primitive;
    std::int64_t begin = 0;  // of the sum
  };
  MatmulSpec spec_;
  std::vector<Slice> slices_;
};

}  // namespace gptc::onednn
