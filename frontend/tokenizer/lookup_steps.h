#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "frontend/tokenizer/piece_key.h"

namespace gptc::tokenizer {

class Encoder;

/// How an encoder looks pieces up, by the instructions that a processor has.
struct LookupSteps {
  /// Pieces looked up at a time: memory is asked for all of them before the first is needed.
  static constexpr std::size_t kStaged = 64;

  const char* name;
  /// Where a piece may be in the cache; all bits are mixed.
  std::uint32_t (*hash)(const PieceKey& key);
  /// Encodes `count` pieces, at most kStaged, from `begin` on; returns where the last one ends.
  /// Behind the beginning of each there must be 16 bytes to read.
  std::size_t (*encode)(Encoder& encoder, std::string_view text, std::size_t begin,
                        const std::size_t* ends, std::size_t count);

  /// All that this processor can do, the fastest first; the last works everywhere.
  static std::span<const LookupSteps> all();
  static const LookupSteps& fastest() { return all().front(); }
};

}  // namespace gptc::tokenizer
