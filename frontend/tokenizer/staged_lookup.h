#pragma once

#include "frontend/tokenizer/encoder.h"

namespace gptc::tokenizer {

/// Encoder's inner loop, to be inlined where it may use a processor's instructions.
struct StagedLookup {
  /// LookupSteps::encode. Loops whose end is known where this is inlined, and few, are never
  /// guessed wrong.
  template <auto hash>
  static inline std::size_t encode(Encoder& encoder, std::string_view text, std::size_t begin,
                                   const std::size_t* ends, std::size_t count) {
    return count == LookupSteps::kStaged
               ? encode_some<hash>(encoder, text, begin, ends, LookupSteps::kStaged)
               : encode_some<hash>(encoder, text, begin, ends, count);
  }

 private:
  struct alignas(32) Staged {
    PieceKey key;
    const PieceCache::Entry* entry;
  };

  template <auto hash>
  __attribute__((always_inline)) static inline std::size_t encode_some(Encoder& encoder,
                                                                       std::string_view text,
                                                                       std::size_t begin,
                                                                       const std::size_t* ends,
                                                                       std::size_t count) {
    Staged staged[LookupSteps::kStaged];
    PieceCache& cache = encoder.short_pieces_;
    std::size_t at = begin;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t end = ends[i];
      const PieceKey key = PieceKey::load(text.data() + at, end - at);
      staged[i] = {key, cache.first_place(hash(key))};
      at = end;
    }
    const auto size_of = [&](std::size_t i) { return ends[i] - (i == 0 ? begin : ends[i - 1]); };
    std::int32_t* out = encoder.out_;
    const auto encode_slow = [&](std::size_t i) {
      encoder.out_ = out;
      encoder.encode_slow(text.substr(ends[i] - size_of(i), size_of(i)));
      out = encoder.out_;
    };
#pragma GCC unroll 8
    for (std::size_t i = 0; i < count; ++i) {
      const auto* entry = staged[i].entry;
      if (!(entry->key == staged[i].key)) [[unlikely]] {
        const PieceKey& key = staged[i].key;
        entry = size_of(i) <= PieceKey::kLongest ? cache.find(key, hash(key)) : nullptr;
        if (entry == nullptr) {
          encode_slow(i);
          continue;
        }
      }
      entry->write(out);
      const std::size_t tokens = entry->count();
      out += tokens;
      if (tokens == 0) [[unlikely]]
        encode_slow(i);
    }
    encoder.out_ = out;
    return at;
  }
};

}  // namespace gptc::tokenizer
