// What linear_cross_entropy does between its products, on logits stored [V, rows]: column r belongs
// to row r of x, so a vector holds one token of neighbouring rows and no sum crosses lanes.
#pragma once

#include <cstdint>

#include "ir/type.h"

namespace gptc::onednn {

/// Some rows v of the logits [count, columns], `pitch` floats apart.
struct LogitBlock {
  float* logits = nullptr;
  std::int64_t count = 0;
  std::int64_t columns = 0;
  std::int64_t pitch = 0;
};

/// max[c]: the largest of column c, or a NaN if there is one.
void column_max(const LogitBlock& block, float* max);

/// What becomes of the logits.
enum class Keep : std::uint8_t { nothing, f32, bf16 };

/// sum[c] = Σ e^(logit - max[c]) over column c. The exponentials replace the logits: as f32, or as
/// bf16 at the front of each row, whose distance in bytes stays.
void column_exp(const LogitBlock& block, const float* max, float* sum, Keep keep);

/// to[i] = from[i] · factor, each of them f32 or bf16; may be the same memory if of the same type.
void scale_row(const std::byte* from, ir::DType from_dtype, float factor, std::byte* to,
               ir::DType to_dtype, std::int64_t size);

}  // namespace gptc::onednn
