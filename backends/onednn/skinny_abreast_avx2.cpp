#include <algorithm>
#include <cstdint>
#include <cstring>

#include "backends/onednn/round_up.h"
#include "backends/onednn/skinny_abreast.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include "backends/onednn/skinny_forms_avx2.h"
#endif

namespace gptc::onednn::avx2 {
namespace {

constexpr std::size_t chains = 8;     // over k, of every sum
constexpr std::size_t together = 16;  // rows of a group
constexpr std::size_t channels = 6;   // of a tile: 12 vectors of sums
constexpr std::size_t vector = 8;
constexpr std::size_t groups_at_most = skinny_rows / together;

}  // namespace

std::size_t rows_abreast(const SkinnyProblem& problem) {
  constexpr std::size_t worth_a_group = 13;
  if (problem.inner % chains != 0 || problem.columns < channels || problem.rows > skinny_rows)
    return 0;
  const std::size_t rest = problem.rows % together;
  return rest >= worth_a_group ? problem.rows : problem.rows - rest;
}

std::size_t values_abreast(const SkinnyProblem& problem) {
  return round_up(rows_abreast(problem), together) * problem.inner;
}

#if defined(__x86_64__)
namespace {

/// Sums over k are made in parts, of so many steps of eight values that a chain's rows of x stay in
/// the first-level cache. x lies part by part, chain by chain, step by step.
class Parts {
 public:
  explicit Parts(std::size_t inner) : all_(inner / chains) {
    constexpr std::size_t most = 96;
    const std::size_t count = (all_ + most - 1) / most;
    each_ = round_up((all_ + count - 1) / count, unrolled);
  }
  static constexpr std::size_t unrolled = 4;

  std::size_t count() const { return (all_ + each_ - 1) / each_; }
  std::size_t first(std::size_t part) const { return part * each_; }
  std::size_t steps(std::size_t part) const { return std::min(each_, all_ - first(part)); }
  /// Where a chain's rows of x lie in the group.
  std::size_t place(std::size_t part, std::size_t chain) const {
    return (first(part) * chains + chain * steps(part)) * together;
  }
  std::size_t all() const { return all_; }
  std::size_t part_of(std::size_t step) const { return step / each_; }

 private:
  std::size_t all_;
  std::size_t each_;
};

/// to[j] has lane j of every vector: eight vectors turned.
GPTC_INLINE2 void turn(const __m256 (&v)[vector], __m256 (&to)[vector]) {
  __m256 pairs[vector];
  for (std::size_t i = 0; i < vector; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  __m256 fours[vector];  // of lanes 0 and 4, 1 and 5, ...: first of v[0..3], then of v[4..7]
  for (std::size_t i = 0; i < vector; i += 4) {
    fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    to[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
    to[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
  }
}

constexpr std::size_t steps_of_item = 16;

std::size_t items_of_group(const SkinnyProblem& problem) {
  return (problem.inner / chains + steps_of_item - 1) / steps_of_item;
}

/// Eight values of a row as f32; zeros where there is no such row.
GPTC_INLINE2 __m256 values_of_row(const SkinnyProblem& problem, std::size_t row, std::size_t k) {
  if (row >= problem.rows) return _mm256_setzero_ps();
  const std::byte* x = problem.x + row * problem.x_row();
  return problem.x_is_bf16 ? NarrowWeights::load(x + k * 2, vector)
                           : FloatWeights::load(x + k * 4, vector);
}

}  // namespace

std::size_t items_abreast(const SkinnyProblem& problem) {
  return round_up(rows_abreast(problem), together) / together * items_of_group(problem);
}

GPTC_AVX2 void put_abreast(const SkinnyProblem& problem, std::size_t item) {
  const Parts parts(problem.inner);
  const std::size_t group = item / items_of_group(problem);
  const std::size_t begin = item % items_of_group(problem) * steps_of_item;
  const std::size_t end = std::min(parts.all(), begin + steps_of_item);
  float* to = reinterpret_cast<float*>(problem.prepared) + group * together * problem.inner;
  for (std::size_t step = begin; step < end; ++step) {
    const std::size_t part = parts.part_of(step);
    for (std::size_t half = 0; half < together; half += vector) {
      __m256 rows[vector];
      for (std::size_t r = 0; r < vector; ++r)
        rows[r] = values_of_row(problem, group * together + half + r, step * chains);
      __m256 values[chains];
      turn(rows, values);
      for (std::size_t chain = 0; chain < chains; ++chain)
        _mm256_store_ps(
            to + parts.place(part, chain) + (step - parts.first(part)) * together + half,
            values[chain]);
    }
  }
}

namespace {

// -- a weight in every lane, of chain `c` and the step whose values begin at `w` -----------------

GPTC_INLINE2 __m256i two_narrow(const std::byte* w) {
  std::int32_t both = 0;
  std::memcpy(&both, w, sizeof(both));
  return _mm256_set1_epi32(both);
}
struct Single {
  static constexpr std::size_t bytes = 4;
  static std::size_t place(std::size_t chain) { return chain * bytes; }
  GPTC_INLINE2 static __m256 load(const std::byte* w) {
    return _mm256_broadcast_ss(reinterpret_cast<const float*>(w));
  }
};
/// The second of two neighbours has its bits where f32 has them.
struct SecondNarrow {
  static constexpr std::size_t bytes = 2;
  static std::size_t place(std::size_t chain) { return (chain - 1) * bytes; }
  GPTC_INLINE2 static __m256 load(const std::byte* w) {
    return _mm256_castsi256_ps(
        _mm256_and_si256(two_narrow(w), _mm256_set1_epi32(static_cast<int>(0xffff0000U))));
  }
};
/// The first of a row has no neighbour before it.
struct FirstNarrow {
  static constexpr std::size_t bytes = 2;
  static std::size_t place(std::size_t /*chain*/) { return 0; }
  GPTC_INLINE2 static __m256 load(const std::byte* w) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(two_narrow(w), 16));
  }
};

/// A chain of a tile's sums through some steps.
struct Chain {
  const float* x;
  const std::byte* w;   // of the first channel
  std::size_t channel;  // bytes
  std::size_t steps;
  const std::byte* next;  // a channel to fetch, as many values
  float* sums;            // [channels][together]
};

using Sums = __m256[channels][2];

/// sum + w * x in the sum's register: GCC would move sums about.
GPTC_INLINE2 __m256 add_product(__m256 w, __m256 x, __m256 sum) {
  asm("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(w), "x"(x));  // NOLINT(hicpp-no-assembler)
  return sum;
}

template <class Weight>
GPTC_INLINE2 void add_step(const float* x, const std::byte* first, const std::byte* fourth,
                           std::size_t channel, Sums& sums) {
  const __m256 low = _mm256_loadu_ps(x);
  const __m256 high = _mm256_loadu_ps(x + vector);
#pragma GCC unroll 6
  for (std::size_t c = 0; c < channels; ++c) {
    const __m256 w = Weight::load(c < 3 ? first + c * channel : fourth + (c - 3) * channel);
    sums[c][0] = add_product(w, low, sums[c][0]);
    sums[c][1] = add_product(w, high, sums[c][1]);
  }
}

/// A function of its own, so that every sum has its register.
template <class Weight, bool kFirst>
GPTC_AVX2 __attribute__((noinline)) void add_chain(const Chain& at) {
  constexpr std::size_t line = 64;
  constexpr std::size_t step = chains * Weight::bytes;
  Sums sums;
#pragma GCC unroll 6
  for (std::size_t c = 0; c < channels; ++c) {
#pragma GCC unroll 2
    for (std::size_t v = 0; v < 2; ++v)
      sums[c][v] =
          kFirst ? _mm256_setzero_ps() : _mm256_load_ps(at.sums + c * together + v * vector);
  }
  const float* x = at.x;
  const std::byte* first = at.w;
  const std::byte* fourth = at.w + 3 * at.channel;
  const std::byte* next = at.next;
  const std::size_t channel = at.channel;
  std::size_t left = at.steps;
  for (; left >= Parts::unrolled; left -= Parts::unrolled) {
#pragma GCC unroll 2
    for (std::size_t i = 0; i < Parts::unrolled * step; i += line)
      __builtin_prefetch(next + i, 0, 2);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < Parts::unrolled; ++i)
      add_step<Weight>(x + i * together, first + i * step, fourth + i * step, channel, sums);
    x += Parts::unrolled * together;
    first += Parts::unrolled * step;
    fourth += Parts::unrolled * step;
    next += Parts::unrolled * step;
  }
  for (; left > 0; --left) {
    add_step<Weight>(x, first, fourth, channel, sums);
    x += together;
    first += step;
    fourth += step;
  }
#pragma GCC unroll 6
  for (std::size_t c = 0; c < channels; ++c) {
#pragma GCC unroll 2
    for (std::size_t v = 0; v < 2; ++v)
      _mm256_store_ps(at.sums + c * together + v * vector, sums[c][v]);
  }
}

template <class Weight>
void add_chain(Chain at, std::size_t chain, bool is_first) {
  at.w += Weight::place(chain);
  is_first ? add_chain<Weight, true>(at) : add_chain<Weight, false>(at);
}

/// The chains of a tile's sums.
struct TileSums {
  alignas(64) float of[chains][channels * together];
};

/// A part of k for a tile.
struct Piece {
  const Parts& parts;
  std::size_t part;
  const float* x;         // the group
  const std::byte* w;     // of the tile's first channel
  const std::byte* next;  // to be fetched, of as many channels
};

/// So far: one takes about as long as memory takes to answer, when others use it.
constexpr std::size_t pieces_ahead = 2;

void add_piece(const Piece& piece, WeightForm form, std::size_t channel, TileSums& sums) {
  const bool is_first = piece.part == 0;
  for (std::size_t chain = 0; chain < chains; ++chain) {
    const Chain at = {.x = piece.x + piece.parts.place(piece.part, chain),
                      .w = piece.w,
                      .channel = channel,
                      .steps = piece.parts.steps(piece.part),
                      .next = piece.next + std::min(chain, channels - 1) * channel,
                      .sums = sums.of[chain]};
    if (form == WeightForm::f32) {
      add_chain<Single>(at, chain, is_first);
    } else if (chain > 0) {
      add_chain<SecondNarrow>(at, chain, is_first);
    } else {
      add_chain<FirstNarrow>(at, chain, is_first);
    }
  }
}

/// The chains added up as Lanes256 adds lanes, for channels [skip, channels) of `rows` rows.
GPTC_AVX2 void finish_tile(const TileSums& sums, std::size_t skip, std::size_t rows, float* to) {
  for (std::size_t half = 0; half < rows; half += vector) {
    __m256 totals[vector];
    for (std::size_t c = 0; c < channels; ++c) {
      __m256 v[chains];
      for (std::size_t i = 0; i < chains; ++i)
        v[i] = _mm256_load_ps(sums.of[i] + c * together + half);
      const __m256 low = _mm256_add_ps(_mm256_add_ps(v[0], v[1]), _mm256_add_ps(v[2], v[3]));
      const __m256 high = _mm256_add_ps(_mm256_add_ps(v[4], v[5]), _mm256_add_ps(v[6], v[7]));
      totals[c] = _mm256_add_ps(low, high);
    }
    for (std::size_t c = channels; c < vector; ++c) totals[c] = _mm256_setzero_ps();
    __m256 turned[vector];
    turn(totals, turned);
    for (std::size_t r = 0; r < std::min(vector, rows - half); ++r) {
      float row[vector];
      _mm256_storeu_ps(row, turned[r]);
      float* at = to + (half + r) * SkinnyProblem::widest;
      if (skip == 0) {
        std::memcpy(at, row, channels * sizeof(float));
      } else {
        std::copy(row + skip, row + channels, at);
      }
    }
  }
}

}  // namespace

void multiply_abreast(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const Parts parts(problem.inner);
  const std::size_t rows = rows_abreast(problem);
  const std::size_t channel = problem.channel_bytes();
  const std::size_t step = channel / parts.all();
  const auto* x = reinterpret_cast<const float*>(problem.prepared);
  TileSums all[groups_at_most];
  for (std::size_t column = 0; column < tile.columns; column += channels) {
    // Every tile is whole: the last ends with the panel, and may begin before it.
    const std::size_t first =
        tile.first_column + std::min(column + channels, tile.columns) - channels;
    const std::size_t skip = std::max(first, tile.first_column) - first;
    const std::byte* w = problem.w + first * channel;
    for (std::size_t part = 0; part < parts.count(); ++part) {
      const std::size_t later = part + pieces_ahead;
      const std::byte* next = w + later / parts.count() * channels * channel +
                              parts.first(later % parts.count()) * step;
      for (std::size_t row = 0; row < rows; row += together)
        add_piece({parts, part, x + row * problem.inner, w + parts.first(part) * step, next},
                  problem.form, channel, all[row / together]);
    }
    for (std::size_t row = 0; row < rows; row += together)
      finish_tile(all[row / together], skip, std::min(together, rows - row),
                  sums + row * SkinnyProblem::widest + (first + skip - tile.first_column));
  }
}
#else

std::size_t items_abreast(const SkinnyProblem&) { return 0; }
void put_abreast(const SkinnyProblem&, std::size_t) {
  ir::internal_error("this processor has no vectors of 256 bits");
}
void multiply_abreast(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor has no vectors of 256 bits");
}

#endif

}  // namespace gptc::onednn::avx2
