// What a lone query's attention reads: tiles of a head's keys and values in caches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "backends/onednn/attention.h"

namespace gptc::onednn {

/// A head's rows of a tile of keys, in the caches.
struct HeadTile {
  SourceRows keys;
  SourceRows values;
  std::size_t room = 0;  // rows from the tile's first to the caches' end
};

/// Brings a tile's rows into the second-level cache, some at a time, while another tile is worked
/// on: the processor sees too few of them coming.
class Fetch {
 public:
  explicit Fetch(const HeadTile& tile) : tile_(tile) {}
  void rows(std::size_t count) {
    for (const std::size_t end = std::min(row_ + count, tile_.keys.count); row_ < end; ++row_) {
      one(tile_.keys);
      one(tile_.values);
    }
  }
  void rest() { rows(attention_tile); }

 private:
  void one(const SourceRows& rows) const {
    constexpr std::size_t line = 64;
    const std::size_t width = rows.first.is_bf16 ? 2 : 4;
    const std::byte* row = rows.first.data + row_ * rows.stride * width;
    for (std::size_t at = 0; at < rows.size * width; at += line) __builtin_prefetch(row + at, 0, 2);
  }

  HeadTile tile_;
  std::size_t row_ = 0;
};

// By the processor's dot product of bf16 pairs, where has_bf16_dot(). A word holds two bf16; sizes
// are multiples of 16.

/// scores[key] = query · keys[key], for whole groups of 16 keys.
void score_pairs(const std::uint32_t* query, const SourceRows& keys, float* scores, Fetch& next);
/// output[i] = output[i] * rescale + Σ over keys of weights[key] · values[key, i]; weights are 0
/// behind the last key, up to a whole group.
void add_pairs(const std::uint32_t* weights, const SourceRows& values, float rescale, float* output,
               Fetch& next);

}  // namespace gptc::onednn
