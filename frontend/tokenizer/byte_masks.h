#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace gptc::tokenizer {

/// Which of 64 bytes are what, a bit a byte, the first byte lowest.
struct ByteMasks {
  std::uint64_t letter = 0;      ///< A-Z a-z
  std::uint64_t number = 0;      ///< 0-9
  std::uint64_t blank = 0;       ///< space and 9 to 13
  std::uint64_t space = 0;       ///< 32
  std::uint64_t apostrophe = 0;  ///< 39
  std::uint64_t high = 0;        ///< 128 and above
};

/// The same of bytes in UTF-8.
struct WideMasks {
  std::uint64_t continuation = 0;    ///< 80 to BF
  std::uint64_t first_of_three = 0;  ///< E1 to EF but ED: any two continuations may follow
  std::uint64_t of_letters = 0;      ///< E5 to E9, EB, EC: every such character is a letter
};

#if defined(__SSE2__)

inline WideMasks wide_masks(const char* at) {
  WideMasks masks;
  for (unsigned part = 0; part < 4; ++part) {
    __m128i bytes;
    std::memcpy(&bytes, at + part * std::size_t{16}, sizeof bytes);
    const auto bits = [part](__m128i flags) {
      return std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(flags))} << (16 * part);
    };
    const auto signed_byte = [](int byte) { return _mm_set1_epi8(static_cast<char>(byte)); };
    const __m128i three = _mm_and_si128(_mm_cmpgt_epi8(bytes, signed_byte(0xE0)),
                                        _mm_cmpgt_epi8(signed_byte(0xF0), bytes));
    const __m128i surrogate = _mm_cmpeq_epi8(bytes, signed_byte(0xED));
    // Han from U+5000 to U+9FFF, Hangul from U+B000 to U+CFFF.
    const __m128i han = _mm_and_si128(_mm_cmpgt_epi8(bytes, signed_byte(0xE4)),
                                      _mm_cmpgt_epi8(signed_byte(0xEA), bytes));
    const __m128i hangul = _mm_and_si128(_mm_cmpgt_epi8(bytes, signed_byte(0xEA)),
                                         _mm_cmpgt_epi8(signed_byte(0xED), bytes));
    masks.continuation |= bits(_mm_cmpgt_epi8(signed_byte(0xC0), bytes));
    masks.first_of_three |= bits(_mm_andnot_si128(surrogate, three));
    masks.of_letters |= bits(_mm_or_si128(han, hangul));
  }
  return masks;
}

inline ByteMasks byte_masks(const char* at) {
  ByteMasks masks;
  for (unsigned part = 0; part < 4; ++part) {
    __m128i bytes;
    std::memcpy(&bytes, at + part * std::size_t{16}, sizeof bytes);
    const auto bits = [part](__m128i flags) {
      return std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(flags))} << (16 * part);
    };
    const auto within = [](__m128i value, char low, char count) {
      const __m128i offset = _mm_sub_epi8(value, _mm_set1_epi8(low));
      return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(count)), offset);
    };
    const __m128i spaces = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '));
    masks.letter |= bits(within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 25));
    masks.number |= bits(within(bytes, '0', 9));
    masks.blank |= bits(_mm_or_si128(spaces, within(bytes, 9, 4)));
    masks.space |= bits(spaces);
    masks.apostrophe |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\'')));
    masks.high |= bits(bytes);
  }
  return masks;
}

#else

inline WideMasks wide_masks(const char* at) {
  WideMasks masks;
  for (unsigned i = 0; i < 64; ++i) {
    const auto byte = static_cast<unsigned char>(at[i]);
    const bool three = byte > 0xE0 && byte < 0xF0 && byte != 0xED;
    const bool letters = (byte > 0xE4 && byte < 0xEA) || byte == 0xEB || byte == 0xEC;
    masks.continuation |= std::uint64_t{(byte & 0xC0u) == 0x80} << i;
    masks.first_of_three |= std::uint64_t{three} << i;
    masks.of_letters |= std::uint64_t{letters} << i;
  }
  return masks;
}

/// Eight bytes at a time in one register.
inline ByteMasks byte_masks(const char* at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  constexpr std::uint64_t kTops = 0x8080808080808080u;
  ByteMasks masks;
  for (unsigned part = 0; part < 8; ++part) {
    std::array<unsigned char, 8> bytes;
    std::memcpy(bytes.data(), at + part * std::size_t{8}, bytes.size());
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{bytes[i]} << (8 * i);
    const std::uint64_t high = word & kTops;
    const std::uint64_t low = word & ~kTops;  // each byte below 128: sums do not carry
    // The top bit of each byte: whether it is ASCII and at least `first`.
    const auto from = [&](unsigned first) { return (low + kOnes * (128 - first)) & kTops & ~high; };
    const auto within = [&](unsigned first, unsigned last) {
      return from(first) & ~from(last + 1);
    };
    const auto bits = [part](std::uint64_t tops) {
      return ((tops >> 7) * 0x0102040810204080u >> 56) << (8 * part);
    };
    masks.letter |= bits(within('A', 'Z') | within('a', 'z'));
    masks.number |= bits(within('0', '9'));
    masks.space |= bits(within(' ', ' '));
    masks.blank |= bits(within(' ', ' ') | within(9, 13));
    masks.apostrophe |= bits(within('\'', '\''));
    masks.high |= bits(high);
  }
  return masks;
}

#endif

}  // namespace gptc::tokenizer
