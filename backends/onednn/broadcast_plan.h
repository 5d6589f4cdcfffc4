// Elementwise ops over broadcast operands: axes merged until a tile of two of them remains.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/type.h"

namespace gptc::onednn {

/// The result as `outer` tiles of rows × cols; offsets and strides are in elements, by operand.
struct BroadcastPlan {
  struct Operand {
    std::int64_t row_stride = 0;
    std::int64_t col_stride = 0;              // 0 or 1
    std::vector<std::int64_t> outer_strides;  // by outer axis
  };
  std::int64_t rows = 1;
  std::int64_t cols = 1;
  std::vector<std::int64_t> outer;  // axes around a tile
  std::vector<Operand> operands;

  std::int64_t tiles() const;
  /// Where the operand's part of a tile begins.
  std::int64_t offset(const Operand& operand, std::int64_t tile) const;
};

BroadcastPlan plan_broadcast(const ir::Shape& result, const std::vector<ir::Shape>& operands);

}  // namespace gptc::onednn
