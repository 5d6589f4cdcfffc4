#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "frontend/tokenizer/byte_masks.h"

namespace gptc::tokenizer {

class PieceScanner;

/// What the scanner does with each 64 bytes, by the instructions that a processor has.
struct BlockSteps {
  /// What write_bits may write beyond the last place that counts.
  static constexpr std::size_t kBeyond = 8;

  const char* name;
  /// byte_masks of 64 bytes.
  ByteMasks (*masks)(const char* at);
  /// Writes base + i for each bit i, ascending, and returns the end; up to kBeyond places after it
  /// may be written too.
  std::size_t* (*write_bits)(std::uint64_t bits, std::size_t base, std::size_t* out);

  /// PieceScanner::next by blocks.
  std::size_t (*next)(PieceScanner& scanner, std::span<std::size_t> ends);

  /// All that this processor can do, the fastest first; the last works everywhere.
  static std::span<const BlockSteps> all();
  static const BlockSteps& fastest() { return all().front(); }
};

}  // namespace gptc::tokenizer
