#include <cstdint>
#include <cstring>

#include "backends/onednn/skinny_abreast.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include "backends/onednn/skinny_forms_avx2.h"
#endif

namespace gptc::onednn::avx2 {

using namespace abreast;

#if defined(__x86_64__)
namespace {

constexpr std::size_t most_groups = skinny_rows / group;

// -- a weight, in every lane, times 16 rows ------------------------------------------------------

/// Four bytes anywhere.
struct __attribute__((packed, may_alias)) Word {
  std::uint32_t bits;
};
struct Rows {
  __m256 low, high;
};
struct RowSums {
  __m256 low, high;
};

/// One statement, so that 12 vectors of sums, x, the weight and a mask are all that is in
/// registers: GCC would read weights ahead and send sums through memory. `widen` makes %[w] of what
/// was read.
#define GPTC_ADD_PRODUCTS(widen, weight, rows, sums)                              \
  asm("vbroadcastss %[word], %[w]\n\t" widen                                      \
      "vfmadd231ps %[x0], %[w], %[s0]\n\t"                                        \
      "vfmadd231ps %[x1], %[w], %[s1]" /* NOLINT(hicpp-no-assembler) */           \
      : [s0] "+x"((sums).low), [s1] "+x"((sums).high), [w] "=&x"(spread)          \
      : [word] "m"(*reinterpret_cast<const Word*>(weight)), [x0] "x"((rows).low), \
        [x1] "x"((rows).high), [upper] "x"(upper))

/// How weights of a chain lie behind where their step begins, and how they become f32.
struct Single {
  static constexpr std::size_t bytes = 4;
  static std::size_t place(std::size_t chain) { return chain * bytes; }
  GPTC_INLINE2 static void add(const std::byte* weight, const Rows& x, __m256 upper,
                               RowSums& sums) {
    __m256 spread;
    GPTC_ADD_PRODUCTS("", weight, x, sums);
  }
};
/// The second of two neighbours has its bits where f32 has them.
struct SecondNarrow {
  static constexpr std::size_t bytes = 2;
  static std::size_t place(std::size_t chain) { return (chain - 1) * bytes; }
  GPTC_INLINE2 static void add(const std::byte* weight, const Rows& x, __m256 upper,
                               RowSums& sums) {
    __m256 spread;
    GPTC_ADD_PRODUCTS("vandps %[upper], %[w], %[w]\n\t", weight, x, sums);
  }
};
/// The first of a row has no neighbour before it.
struct FirstNarrow {
  static constexpr std::size_t bytes = 2;
  static std::size_t place(std::size_t /*chain*/) { return 0; }
  GPTC_INLINE2 static void add(const std::byte* weight, const Rows& x, __m256 upper,
                               RowSums& sums) {
    __m256 spread;
    GPTC_ADD_PRODUCTS("vpslld $16, %[w], %[w]\n\t", weight, x, sums);
  }
};
#undef GPTC_ADD_PRODUCTS

/// A chain of a tile's sums through some steps.
struct Chain {
  const float* x;
  const std::byte* w;   // of the first channel
  std::size_t channel;  // bytes
  std::size_t steps;
  const std::byte* next;  // a channel to fetch, as many values
  float* sums;            // [channels][group]
};

template <class Weight>
GPTC_INLINE2 void add_step(const float* x, const std::byte* first, const std::byte* fourth,
                           std::size_t channel, RowSums (&sums)[channels]) {
  const Rows rows = {_mm256_load_ps(x), _mm256_load_ps(x + vector)};
  const __m256 upper = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0xffff0000U)));
#pragma GCC unroll 6
  for (std::size_t c = 0; c < channels; ++c)
    Weight::add(c < 3 ? first + c * channel : fourth + (c - 3) * channel, rows, upper, sums[c]);
}

/// A function of its own, so that every sum has its register.
template <class Weight, bool kFirst>
GPTC_AVX2 __attribute__((noinline)) void add_chain(const Chain& at) {
  constexpr std::size_t line = 64;
  constexpr std::size_t step = chains * Weight::bytes;
  RowSums sums[channels];
#pragma GCC unroll 6
  for (std::size_t c = 0; c < channels; ++c) {
    const float* from = at.sums + c * group;
    sums[c] = {kFirst ? _mm256_setzero_ps() : _mm256_load_ps(from),
               kFirst ? _mm256_setzero_ps() : _mm256_load_ps(from + vector)};
  }
  const float* x = at.x;
  const std::byte* first = at.w;
  const std::byte* fourth = at.w + 3 * at.channel;
  const std::byte* next = at.next;
  const std::size_t channel = at.channel;
  std::size_t left = at.steps;
  for (; left >= unrolled; left -= unrolled) {
#pragma GCC unroll 2
    for (std::size_t i = 0; i < unrolled * step; i += line) __builtin_prefetch(next + i, 0, 2);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < unrolled; ++i)
      add_step<Weight>(x + i * group, first + i * step, fourth + i * step, channel, sums);
    x += unrolled * group;
    first += unrolled * step;
    fourth += unrolled * step;
    next += unrolled * step;
  }
  for (; left > 0; --left) {
    add_step<Weight>(x, first, fourth, channel, sums);
    x += group;
    first += step;
    fourth += step;
  }
#pragma GCC unroll 6
  for (std::size_t c = 0; c < channels; ++c) {
    _mm256_store_ps(at.sums + c * group, sums[c].low);
    _mm256_store_ps(at.sums + c * group + vector, sums[c].high);
  }
}

template <class Weight>
void add_chain(Chain at, std::size_t chain, bool is_first) {
  at.w += Weight::place(chain);
  is_first ? add_chain<Weight, true>(at) : add_chain<Weight, false>(at);
}

/// The chains of a tile's sums.
struct TileSums {
  alignas(64) float of[chains][channels * group];
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
      for (std::size_t i = 0; i < chains; ++i) v[i] = _mm256_load_ps(sums.of[i] + c * group + half);
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
  TileSums all[most_groups];
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
      for (std::size_t row = 0; row < rows; row += group)
        add_piece({parts, part, x + row * problem.inner, w + parts.first(part) * step, next},
                  problem.form, channel, all[row / group]);
    }
    for (std::size_t row = 0; row < rows; row += group)
      finish_tile(all[row / group], skip, std::min(group, rows - row),
                  sums + row * SkinnyProblem::widest + (first + skip - tile.first_column));
  }
}

#else

void multiply_abreast(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor has no vectors of 256 bits");
}

#endif

}  // namespace gptc::onednn::avx2
