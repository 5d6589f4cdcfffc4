#include "frontend/tokenizer/lookup_steps.h"

#include <vector>

#include "frontend/tokenizer/staged_lookup.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define GPTC_TOKENIZER_X86 1
#include <immintrin.h>
#endif

namespace gptc::tokenizer {
namespace {

std::uint32_t plain_hash(const PieceKey& key) {
  return static_cast<std::uint32_t>(key.product() >> 32);
}

std::size_t plain_encode(Encoder& encoder, std::string_view text, std::size_t begin,
                         const std::size_t* ends, std::size_t count) {
  return StagedLookup::encode<plain_hash>(encoder, text, begin, ends, count);
}

#if defined(GPTC_TOKENIZER_X86)

#define GPTC_AES __attribute__((target("avx2,aes,bmi,popcnt")))

/// After two rounds every bit depends on every byte.
GPTC_AES inline std::uint32_t aes_hash(const PieceKey& key) {
  const __m128i odd = _mm_set_epi64x(static_cast<long long>(0xD6E8FEB86659FD93u),
                                     static_cast<long long>(0xC2B2AE3D27D4EB4Fu));
  const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(&key));
  const __m128i mixed = _mm_aesenc_si128(_mm_aesenc_si128(bytes, odd), odd);
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(mixed));
}

GPTC_AES __attribute__((flatten)) std::size_t aes_encode(Encoder& encoder, std::string_view text,
                                                         std::size_t begin, const std::size_t* ends,
                                                         std::size_t count) {
  return StagedLookup::encode<aes_hash>(encoder, text, begin, ends, count);
}

#undef GPTC_AES
#endif

std::vector<LookupSteps> usable() {
  std::vector<LookupSteps> steps;
#if defined(GPTC_TOKENIZER_X86)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes") &&
      __builtin_cpu_supports("bmi")) {
    steps.push_back({"aes", aes_hash, aes_encode});
  }
#endif
  steps.push_back({"plain", plain_hash, plain_encode});
  return steps;
}

}  // namespace

std::span<const LookupSteps> LookupSteps::all() {
  static const std::vector<LookupSteps> steps = usable();
  return steps;
}

}  // namespace gptc::tokenizer
