// Skinny products by the processor's own instructions for bf16 pairs and 16-bit integers. All forms
// keep 16 sums in flight, of 1 x 16, 2 x 8 or 4 x 4 rows and columns, each a chain over k in every
// lane; lanes are added up at the end.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "backends/onednn/bf16_dot.h"
#include "backends/onednn/skinny.h"
#include "ir/check.h"

#if defined(__x86_64__)
// GCC's own headers read what they leave undefined on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#endif

namespace gptc::onednn {

#if defined(__x86_64__)
namespace {

#define GPTC_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni")))
#define GPTC_INLINE GPTC_AVX512 __attribute__((always_inline)) inline

constexpr std::size_t unit = 32;  // 16-bit values in a register
constexpr std::size_t sums_in_flight = 16;

bool has_integer_dot() {
  static const bool has = __builtin_cpu_supports("avx512vnni") != 0 && has_bf16_dot();
  return has;
}

std::size_t padded(std::size_t inner) { return (inner + 2 * unit - 1) / (2 * unit) * (2 * unit); }

GPTC_INLINE __mmask32 first_of(std::size_t count) {
  return count >= unit ? ~__mmask32{0} : (__mmask32{1} << count) - 1;
}

/// [a b a b ...] of sums of neighbours: a's and b's halves, added.
GPTC_INLINE __m512 fold_pairs(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
}
GPTC_INLINE __m512 fold_quads(__m512 a, __m512 b) {
  const __m512d low = _mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
  const __m512d high = _mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
  return _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
}
/// Lane i is the sum of the lanes of v[i].
GPTC_INLINE __m512 fold_all(const __m512* v) {
  __m512 quad[4];
  for (int i = 0; i < 4; ++i)
    quad[i] =
        fold_quads(fold_pairs(v[4 * i], v[4 * i + 1]), fold_pairs(v[4 * i + 2], v[4 * i + 3]));
  // Each quad has its four sums in four parts, one a block of 128 bits.
  const __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(quad[0], quad[1], 0x88),
                                  _mm512_shuffle_f32x4(quad[0], quad[1], 0xdd));
  const __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(quad[2], quad[3], 0x88),
                                  _mm512_shuffle_f32x4(quad[2], quad[3], 0xdd));
  return _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
}

/// Rows of x and of w (a channel each), as the form has them; strides in its elements.
struct Sides {
  const std::byte* x;
  std::size_t x_stride;
  const std::byte* w;
  std::size_t inner;
  const float* scales;    // of w's first channel, for i4
  std::size_t apart = 0;  // channels between those that are walked together
};

/// Bytes, into the second-level cache, which takes more fetches at a time than the first. The
/// processor itself fetches long streams; this carries them over the ends of their pages.
constexpr std::size_t far_ahead = 1024;
GPTC_INLINE void fetch(const void* at) { _mm_prefetch(static_cast<const char*>(at), _MM_HINT_T1); }

struct Floats {
  using X = float;
  static constexpr std::size_t step = unit / 2;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE static void add(const Sides& at, std::size_t k, __mmask32 there,
                              __m512 (&sums)[kRows][kColumns]) {
    const auto mask = static_cast<__mmask16>(there);
    const float* x = reinterpret_cast<const float*>(at.x) + k;
    const float* w = reinterpret_cast<const float*>(at.w) + k;
    __m512 left[kRows];
    for (std::size_t r = 0; r < kRows; ++r)
      left[r] = _mm512_maskz_loadu_ps(mask, x + r * at.x_stride);
    for (std::size_t c = 0; c < kColumns; ++c) {
      fetch(reinterpret_cast<const std::byte*>(w + c * at.apart * at.inner) + far_ahead);
      const __m512 right = _mm512_maskz_loadu_ps(mask, w + c * at.apart * at.inner);
      for (std::size_t r = 0; r < kRows; ++r)
        sums[r][c] = _mm512_fmadd_ps(left[r], right, sums[r][c]);
    }
  }
  static std::size_t channel_bytes(std::size_t inner) { return inner * 4; }
  static std::size_t channel_scales(std::size_t) { return 0; }
};

struct Pairs {
  using X = std::uint16_t;
  static constexpr std::size_t step = unit;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE static void add(const Sides& at, std::size_t k, __mmask32 there,
                              __m512 (&sums)[kRows][kColumns]) {
    const auto* x = reinterpret_cast<const std::uint16_t*>(at.x) + k;
    const auto* w = reinterpret_cast<const std::uint16_t*>(at.w) + k;
    __m512bh left[kRows];
    for (std::size_t r = 0; r < kRows; ++r)
      left[r] = reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(there, x + r * at.x_stride));
    for (std::size_t c = 0; c < kColumns; ++c) {
      fetch(reinterpret_cast<const std::byte*>(w + c * at.apart * at.inner) + far_ahead);
      const auto right =
          reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(there, w + c * at.apart * at.inner));
      for (std::size_t r = 0; r < kRows; ++r)
        sums[r][c] = _mm512_dpbf16_ps(sums[r][c], left[r], right);
    }
  }
  static std::size_t channel_bytes(std::size_t inner) { return inner * 2; }
  static std::size_t channel_scales(std::size_t) { return 0; }
};

/// Sums are integers until the end.
struct Bytes {
  using X = std::int16_t;
  static constexpr std::size_t step = unit;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE static void add(const Sides& at, std::size_t k, __mmask32 there,
                              __m512 (&sums)[kRows][kColumns]) {
    const auto* x = reinterpret_cast<const std::int16_t*>(at.x) + k;
    __m512i left[kRows];
    for (std::size_t r = 0; r < kRows; ++r) left[r] = _mm512_loadu_si512(x + r * at.x_stride);
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::byte* w = at.w + c * at.apart * at.inner + k;
      if (k % (2 * unit) == 0) fetch(w + far_ahead);
      const __m512i right = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(there, w));
      for (std::size_t r = 0; r < kRows; ++r)
        sums[r][c] = _mm512_castsi512_ps(
            _mm512_dpwssd_epi32(_mm512_castps_si512(sums[r][c]), left[r], right));
    }
  }
  static std::size_t channel_bytes(std::size_t inner) { return inner; }
  static std::size_t channel_scales(std::size_t) { return 0; }
};

/// Two groups at a time: their low halves stand in one register, their high halves in another, and
/// x is laid out alike.
struct Halves {
  using X = std::int16_t;
  static constexpr std::size_t step = 2 * unit;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE static void add(const Sides& at, std::size_t k, __mmask32 there,
                              __m512 (&sums)[kRows][kColumns]) {
    const std::int16_t* x = reinterpret_cast<const std::int16_t*>(at.x) + k;
    const auto two = static_cast<__mmask8>(there == ~__mmask32{0} ? 3 : 1);
    const std::size_t groups = at.inner / i4_group;
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::byte* w = at.w + (c * at.apart * at.inner + k) / 2;
      if (k % (4 * unit) == 0) fetch(w + far_ahead);
      const __m512i both = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(there, w));
      const __m512i high = _mm512_srai_epi16(both, 4);
      const __m512i low = _mm512_srai_epi16(_mm512_slli_epi16(both, 12), 12);
      const __m128 pair = _mm_maskz_loadu_ps(two, at.scales + c * at.apart * groups + k / i4_group);
      const __m512 scale = _mm512_shuffle_f32x4(_mm512_broadcastss_ps(pair),
                                                _mm512_broadcastss_ps(_mm_movehdup_ps(pair)), 0x44);
      for (std::size_t r = 0; r < kRows; ++r) {
        const std::int16_t* row = x + r * at.x_stride;
        __m512i part = _mm512_dpwssd_epi32(_mm512_setzero_si512(), low, _mm512_loadu_si512(row));
        part = _mm512_dpwssd_epi32(part, high, _mm512_loadu_si512(row + unit));
        sums[r][c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(part), scale, sums[r][c]);
      }
    }
  }
  static std::size_t channel_bytes(std::size_t inner) { return inner / 2; }
  static std::size_t channel_scales(std::size_t inner) { return inner / i4_group; }
};

/// Which 16-bit values, or halves of bytes by two, of a last step there are.
template <class Form>
GPTC_INLINE __mmask32 rest_of(std::size_t count) {
  return first_of(std::is_same_v<Form, Halves> ? count / 2 : count);
}

/// Columns that are walked together lie far apart, each in a stream of its own: a few long streams
/// are what the processor sees coming. The sums of 16 / kRows columns are folded at once.
constexpr std::size_t streams = 4;

/// kRows x kWalked chains over k, of channels `apart` from each other.
template <class Form, std::size_t kRows, std::size_t kWalked>
GPTC_INLINE void chain(const Sides& at, __m512 (&sums)[kRows][kWalked]) {
  for (auto& row : sums)
    for (__m512& value : row) value = _mm512_setzero_ps();
  std::size_t k = 0;
  for (; k + Form::step <= at.inner; k += Form::step)
    Form::template add<kRows, kWalked>(at, k, ~__mmask32{0}, sums);
  if (k < at.inner) Form::template add<kRows, kWalked>(at, k, rest_of<Form>(at.inner - k), sums);
  if constexpr (std::is_same_v<Form, Bytes>) {
    for (auto& row : sums)
      for (__m512& value : row) value = _mm512_cvtepi32_ps(_mm512_castps_si512(value));
  }
}

/// kColumns channels: some of each stream, or one alone.
template <class Form, std::size_t kRows, std::size_t kColumns>
GPTC_AVX512 void block(Sides at, float* sums) {
  constexpr std::size_t together = std::min(kColumns, streams);
  constexpr std::size_t each = kColumns / together;
  __m512 lanes[sums_in_flight];
  for (__m512& value : lanes) value = _mm512_setzero_ps();
  for (std::size_t i = 0; i < each; ++i) {
    __m512 made[kRows][together];
    chain<Form, kRows, together>(at, made);
    for (std::size_t r = 0; r < kRows; ++r)
      for (std::size_t c = 0; c < together; ++c) lanes[r * kColumns + c * each + i] = made[r][c];
    at.w += Form::channel_bytes(at.inner);
    at.scales += Form::channel_scales(at.inner);
  }
  float all[sums_in_flight];
  _mm512_storeu_ps(all, fold_all(lanes));
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t c = 0; c < together; ++c)
      std::memcpy(sums + r * SkinnyProblem::widest + c * at.apart, all + r * kColumns + c * each,
                  each * sizeof(float));
}

/// Some rows against the channels of `streams` parts (then one by one) as far as they go. Channels
/// that were read meet all rows, kRows at a time, before the next: these arrive meanwhile.
template <class Form, std::size_t kRows>
GPTC_AVX512 void rows_by_columns(Sides at, const SkinnyTile& tile, std::size_t first_row,
                                 std::size_t end_row, float* sums) {
  constexpr std::size_t columns = sums_in_flight / kRows;
  constexpr std::size_t each = columns / streams;
  const std::size_t row_bytes = at.x_stride * sizeof(typename Form::X);
  const std::byte* x = at.x;
  const auto all_rows = [&]<std::size_t kColumns>(std::size_t column) GPTC_AVX512 {
    const std::size_t part = kColumns == 1 ? 1 : each;
    for (std::size_t row = first_row; row < end_row; row += kRows) {
      at.x = x + row * row_bytes;
      block<Form, kRows, kColumns>(at, sums + row * SkinnyProblem::widest + column);
    }
    at.w += part * Form::channel_bytes(at.inner);
    at.scales += part * Form::channel_scales(at.inner);
  };
  at.apart = tile.columns / columns * each;
  std::size_t column = 0;
  for (; column < at.apart; column += each) all_rows.template operator()<columns>(column);
  const std::size_t read = streams * at.apart;
  at.w += (read - column) * Form::channel_bytes(at.inner);
  at.scales += (read - column) * Form::channel_scales(at.inner);
  for (column = read; column < tile.columns; ++column) all_rows.template operator()<1>(column);
}

template <class Form>
GPTC_AVX512 void multiply(Sides at, const SkinnyTile& tile, float* sums) {
  at.w += tile.first_column * Form::channel_bytes(at.inner);
  at.scales += tile.first_column * Form::channel_scales(at.inner);
  const std::size_t fours = tile.rows / 4 * 4;
  const std::size_t twos = tile.rows / 2 * 2;
  rows_by_columns<Form, 4>(at, tile, 0, fours, sums);
  if (twos > fours) rows_by_columns<Form, 2>(at, tile, fours, twos, sums);
  if (tile.rows > twos) rows_by_columns<Form, 1>(at, tile, twos, tile.rows, sums);
}

/// The largest number that no sum of `inner` products with i8 overflows 32 bits in any lane.
float largest_integer(std::size_t inner) {
  constexpr double most = 2147483647.0;
  const double products = 2 * std::ceil(static_cast<double>(inner) / unit);
  return static_cast<float>(std::min(32767.0, std::floor(most / (128 * products))));
}

/// Where value k of a row goes: in order, or by halves of two groups.
std::size_t place_of(std::size_t k, WeightForm form) {
  if (form == WeightForm::i8) return k;
  const std::size_t two = k / (2 * i4_group) * (2 * i4_group);
  const std::size_t group = k / i4_group % 2;
  const std::size_t half = k % i4_group / (i4_group / 2);
  return two + half * i4_group + group * (i4_group / 2) + k % (i4_group / 2);
}

/// Rounds a row to integers; returns their unit.
GPTC_AVX512 float round_values(const float* x, std::size_t inner, WeightForm form,
                               std::int16_t* to) {
  constexpr std::size_t lanes = unit / 2;
  __m512 extreme = _mm512_setzero_ps();
  for (std::size_t k = 0; k < inner; k += lanes) {
    const auto there = static_cast<__mmask16>(first_of(std::min(inner - k, lanes)));
    extreme = _mm512_max_ps(extreme, _mm512_abs_ps(_mm512_maskz_loadu_ps(there, x + k)));
  }
  float all[lanes];
  _mm512_storeu_ps(all, extreme);
  const float most = *std::max_element(all, all + lanes);
  const float largest = largest_integer(inner);
  const __m512 up = _mm512_set1_ps(most > 0 ? largest / most : 0);
  for (std::size_t k = 0; k < padded(inner); k += lanes) {
    const auto there = static_cast<__mmask16>(k < inner ? first_of(std::min(inner - k, lanes)) : 0);
    const __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(there, x + k), up);
    const __m256i narrow = _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(scaled));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + place_of(k, form)), narrow);
  }
  return most / largest;
}

}  // namespace

SkinnyUnit skinny_unit(const SkinnyProblem& problem) {
  if (problem.form == WeightForm::bf16 && problem.x_is_bf16 && has_bf16_dot())
    return SkinnyUnit::bf16_pairs;
  if (!has_integer_dot()) return SkinnyUnit::portable;
  if (problem.form == WeightForm::f32) return SkinnyUnit::f32;
  return problem.form == WeightForm::bf16 ? SkinnyUnit::portable : SkinnyUnit::integers;
}

void multiply_floats(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                     float* sums) {
  multiply<Floats>(
      {reinterpret_cast<const std::byte*>(x), problem.inner, problem.w, problem.inner, nullptr, 0},
      tile, sums);
}

void multiply_pairs(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  multiply<Pairs>({problem.x + tile.first_row * problem.x_row(), problem.inner, problem.w,
                   problem.inner, nullptr, 0},
                  tile, sums);
}

void round_row(const SkinnyProblem& problem, std::size_t row, const float* x) {
  std::byte* to = problem.rounded + row * rounded_row_bytes(problem.inner);
  const float scale =
      round_values(x, problem.inner, problem.form, reinterpret_cast<std::int16_t*>(to));
  std::memcpy(to + padded(problem.inner) * sizeof(std::int16_t), &scale, sizeof(scale));
}

void multiply_integers(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const std::size_t row_bytes = rounded_row_bytes(problem.inner);
  const std::byte* x = problem.rounded + tile.first_row * row_bytes;
  const Sides sides = {
      x, row_bytes / sizeof(std::int16_t), problem.w, problem.inner, problem.scales, 0};
  if (problem.form == WeightForm::i8) {
    multiply<Bytes>(sides, tile, sums);
  } else {
    multiply<Halves>(sides, tile, sums);
  }
  for (std::size_t row = 0; row < tile.rows; ++row) {
    float scale = 0;
    std::memcpy(&scale, x + row * row_bytes + padded(problem.inner) * sizeof(std::int16_t),
                sizeof(scale));
    float* sum = sums + row * SkinnyProblem::widest;
    for (std::size_t column = 0; column < tile.columns; ++column) sum[column] *= scale;
  }
}

std::size_t rounded_row_bytes(std::size_t inner) {
  constexpr std::size_t line = 64;
  return padded(inner) * sizeof(std::int16_t) + line;
}

#pragma GCC diagnostic pop

#else

SkinnyUnit skinny_unit(const SkinnyProblem&) { return SkinnyUnit::portable; }
void multiply_floats(const SkinnyProblem&, const SkinnyTile&, const float*, float*) {
  ir::internal_error("this processor has no vectors of 512 bits");
}
void multiply_pairs(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor does not multiply bf16");
}
void multiply_integers(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor does not multiply 16-bit integers");
}
void round_row(const SkinnyProblem&, std::size_t, const float*) {
  ir::internal_error("this processor does not multiply 16-bit integers");
}
std::size_t rounded_row_bytes(std::size_t) { return 0; }

#endif

}  // namespace gptc::onednn
