#include "backends/onednn/packed_product.h"

#include <omp.h>

#include <algorithm>
#include <atomic>

#include "backends/onednn/packed_tiles.h"
#include "backends/onednn/round_up.h"

namespace gptc::onednn {
namespace {

constexpr std::size_t cache_line = 64;

// Rows of a that are packed together: they stay in the second-level cache (360 KiB at most).
constexpr std::size_t block_rows = 120;
// Panels of b that a thread packs at a time.
constexpr std::size_t pack_together = 8;
// The least that a thread takes at a time: such a block by so many panels.
constexpr std::size_t share_panels = 6;
// What is packed of b at a time, as all threads read it: it may be in the third-level cache.
constexpr std::size_t span_floats = std::size_t{5} << 18;  // 5 MiB
constexpr std::size_t span_columns = 4096;
// Products below so many multiplications are one thread's.
constexpr std::size_t worth_sharing = std::size_t{1} << 16;

std::size_t size_of(std::int64_t value) { return static_cast<std::size_t>(value); }
std::size_t parts_of(std::size_t value, std::size_t largest) {
  return std::max<std::size_t>(1, (value + largest - 1) / largest);
}

PackedFactor factor(const MatrixLayout& layout, const std::byte* data, std::int64_t batch) {
  const std::int64_t element = layout.batch > 1 ? batch * layout.batch_stride : 0;
  return {.data = data + element * ir::dtype_bytes(layout.dtype),
          .dtype = layout.dtype,
          .row_stride = size_of(layout.row_stride),
          .col_stride = size_of(layout.col_stride)};
}

bool is_accumulate(const PostStep& step) { return step.op == PostOp::accumulate; }

/// How a product is cut; depends on its sizes alone.
struct Cut {
  std::size_t rows, depth, columns, batches;
  TileShape tile = tile_shape();
  std::size_t part;  // values of the sum

  explicit Cut(const MatmulSpec& spec)
      : rows(size_of(spec.c.rows)),
        depth(size_of(spec.a.cols)),
        columns(size_of(spec.c.cols)),
        batches(size_of(spec.c.batch)),
        part(depth_of_part(tile, depth)) {}

  std::size_t width() const {
    const std::size_t spans = parts_of(columns, span_columns);
    return std::min(round_up(parts_of(columns, spans), tile.columns),
                    round_up(columns, tile.columns));
  }
  /// Of the sum, in a span.
  std::size_t height() const {
    const std::size_t most =
        std::max<std::size_t>(1, span_floats / std::max<std::size_t>(1, width() * part));
    return most * part;
  }
  std::size_t right_floats() const {
    return width() * std::min(height(), round_up(depth, depth_step));
  }
  std::size_t row_blocks() const { return parts_of(rows, block_rows); }
  std::size_t rows_of_block() const { return round_up(parts_of(rows, row_blocks()), tile.rows); }
  std::size_t left_floats() const { return rows_of_block() / tile.rows * left_pitch(tile, part); }
  /// Whether each matrix of the result is one thread's.
  bool alone() const { return batches > 1 || rows * depth * columns < worth_sharing; }
  /// Partial sums cannot wait in a result that is rounded, or that is still read.
  bool sums_apart(const MatmulSpec& spec) const {
    const auto& ops = spec.post_ops;
    const auto old = std::find_if(ops.begin(), ops.end(), is_accumulate);
    const bool read_later = old != ops.end() && old != ops.begin();
    return depth > part && (spec.c.dtype != ir::DType::f32 || read_later);
  }
  std::size_t sums_stride() const { return round_up(columns, cache_line / sizeof(float)); }
  std::size_t sums_floats(const MatmulSpec& spec) const {
    return sums_apart(spec) ? rows * sums_stride() : 0;
  }
};

struct Range {
  std::size_t begin, end;
};

/// How threads share a span: blocks of rows by runs of its panels, those of a block in a row.
struct Shares {
  std::size_t blocks, panels, runs;

  std::size_t count() const { return blocks * runs; }
  /// Calls body(block, first panel, panels) for each block that has some of the shares.
  template <class Body>
  void by_block(Range shares, const Body& body) const {
    while (shares.begin < shares.end) {
      const std::size_t block = shares.begin / runs;
      const std::size_t end = std::min(shares.end, (block + 1) * runs);
      const std::size_t first = (shares.begin - block * runs) * panels / runs;
      body(block, first, (end - block * runs) * panels / runs - first);
      shares.begin = end;
    }
  }
};

/// Floats of a scratchpad, each part at its own cache lines.
struct Room {
  std::size_t right, left, sums;
  std::size_t
      each;  // copies of right and sums: one, or one a thread; of left there is one a thread

  Room(const Cut& cut, const MatmulSpec& spec, int threads)
      : right(round_up(cut.right_floats(), cache_line)),
        left(round_up(cut.left_floats(), cache_line)),
        sums(round_up(cut.sums_floats(spec), cache_line)),
        each(cut.alone() ? size_of(threads) : 1) {}
  std::size_t floats(int threads) const { return each * (right + sums) + size_of(threads) * left; }
};

class PackedKernel final : public Kernel {
 public:
  PackedKernel(const MatmulSpec& spec, const MatmulPointers& pointers, int threads)
      : spec_(spec), at_(pointers), cut_(spec), room_(cut_, spec, threads), threads_(threads) {
    problems_.reserve(cut_.batches);
    for (std::int64_t batch = 0; batch < spec.c.batch; ++batch)
      problems_.push_back(problem_of(batch));
  }

  void execute() override {
    if (!cut_.alone()) return together();
    const auto count = static_cast<std::int64_t>(cut_.batches);
#pragma omp parallel for num_threads(threads_) schedule(dynamic) if (count > 1)
    for (std::int64_t batch = 0; batch < count; ++batch) {
      alone(problems_[size_of(batch)], size_of(omp_get_thread_num()));
    }
  }

 private:
  PackedProblem problem_of(std::int64_t batch) const {
    PackedProblem problem{.rows = cut_.rows,
                          .depth = cut_.depth,
                          .columns = cut_.columns,
                          .a = factor(spec_.a, at_.a, batch),
                          .b = factor(spec_.b, at_.b, batch),
                          .c = factor(spec_.c, at_.c, batch)};
    problem.result = at_.c + (problem.c.data - at_.c);  // the same place, to be written
    std::size_t operand = 0;
    for (std::size_t i = 0; i < spec_.post_ops.size(); ++i) {
      const PostStep& step = spec_.post_ops[i];
      PackedStep to{.op = step.op};
      if (is_accumulate(step)) {
        if (i == 0) {
          problem.from_old = true;
          continue;
        }
        to.operand = problem.c;
      } else if (step.op == PostOp::bias_row) {
        to.operand = {.data = at_.operands[operand++], .dtype = step.dtype};
      } else if (step.op == PostOp::mul || step.op == PostOp::add) {
        MatrixLayout like = spec_.c;
        like.dtype = step.dtype;
        to.operand = factor(like, at_.operands[operand++], batch);
      }
      problem.steps.push_back(to);
    }
    return problem;
  }

  float* right() const { return reinterpret_cast<float*>(at_.scratchpad); }
  float* sums() const { return right() + room_.each * room_.right; }
  float* left() const { return sums() + room_.each * room_.sums; }

  /// Calls body(span) for every part of b that is packed at a time, the sum's in order.
  template <class Body>
  void over_spans(const Body& body) const {
    for (std::size_t column = 0; column < cut_.columns; column += cut_.width()) {
      for (std::size_t k = 0; k < std::max<std::size_t>(1, cut_.depth); k += cut_.height()) {
        body(PackedSpan{.part = cut_.part,
                        .first_column = column,
                        .columns = std::min(cut_.width(), cut_.columns - column),
                        .first_depth = k,
                        .depth = std::min(cut_.height(), cut_.depth - k)});
      }
    }
  }

  PackedRoom room_of(const PackedProblem& problem, std::size_t thread) const {
    const std::size_t copy = room_.each > 1 ? thread : 0;
    const bool apart = room_.sums > 0;
    PackedRoom room;
    room.right = right() + copy * room_.right;
    room.left = left() + thread * room_.left;
    room.sums = apart ? sums() + copy * room_.sums : reinterpret_cast<float*>(problem.result);
    room.sums_stride = apart ? cut_.sums_stride() : problem.c.row_stride;
    return room;
  }

  void alone(const PackedProblem& problem, std::size_t thread) const {
    PackedRoom room = room_of(problem, thread);
    over_spans([&](const PackedSpan& span) {
      const std::size_t panels = span.panels(cut_.tile);
      for (std::size_t part = 0; part < span.parts(); ++part)
        pack_panels(problem, span, part, 0, panels, room.right);
      for (std::size_t block = 0; block < cut_.row_blocks(); ++block)
        multiply(problem, span, block, 0, panels, room);
    });
  }

  void together() {
    const PackedProblem& problem = problems_.front();
    over_spans([&](const PackedSpan& span) {
      const std::size_t panels = span.panels(cut_.tile);
      const std::size_t groups = parts_of(panels, pack_together);
      const auto packs = static_cast<std::int64_t>(span.parts() * groups);
      const Shares shares{cut_.row_blocks(), panels, parts_of(panels, share_panels)};
      taken_ = 0;
#pragma omp parallel num_threads(threads_)
      {
        PackedRoom room = room_of(problem, size_of(omp_get_thread_num()));
#pragma omp for schedule(dynamic)
        for (std::int64_t i = 0; i < packs; ++i) {
          const std::size_t first = size_of(i) % groups * pack_together;
          pack_panels(problem, span, size_of(i) / groups, first,
                      std::min(panels, first + pack_together), room.right);
        }
        for (Range taken = take(shares); taken.begin < taken.end; taken = take(shares)) {
          shares.by_block(taken, [&](std::size_t block, std::size_t first, std::size_t count) {
            multiply(problem, span, block, first, count, room);
          });
        }
      }
    });
  }

  /// Of what is left a part to each thread, twice over, so that threads end together whatever
  /// else the cores do: whole blocks at first, then what is left of one.
  Range take(const Shares& shares) {
    std::size_t begin = taken_.load();
    while (true) {
      const std::size_t left = shares.count() - std::min(shares.count(), begin);
      std::size_t some = std::max<std::size_t>(1, left / (2 * size_of(threads_)));
      some = some < shares.runs ? std::min(some, shares.runs - begin % shares.runs)
                                : some / shares.runs * shares.runs;
      const std::size_t end = begin + std::min(left, some);
      if (taken_.compare_exchange_weak(begin, end)) return {begin, end};
    }
  }

  void multiply(const PackedProblem& problem, const PackedSpan& span, std::size_t block,
                std::size_t first_panel, std::size_t panels, PackedRoom& room) const {
    const std::size_t first = block * cut_.rows_of_block();
    if (first >= cut_.rows) return;
    multiply_block(problem, span,
                   {.first_row = first,
                    .rows = std::min(cut_.rows_of_block(), cut_.rows - first),
                    .first_panel = first_panel,
                    .panels = panels},
                   room);
  }

  MatmulSpec spec_;
  MatmulPointers at_;
  Cut cut_;
  Room room_;
  int threads_;
  std::atomic<std::size_t> taken_ = 0;  // shares of a span
  std::vector<PackedProblem> problems_;
};

}  // namespace

PackedProduct::PackedProduct(const MatmulSpec& spec) : spec_(spec) {}

std::int64_t PackedProduct::scratchpad_bytes(int threads) const {
  const Room room(Cut(spec_), spec_, threads);
  return static_cast<std::int64_t>(room.floats(threads) * sizeof(float));
}

std::unique_ptr<Kernel> PackedProduct::bind(const MatmulPointers& pointers, int threads) const {
  return std::make_unique<PackedKernel>(spec_, pointers, threads);
}

}  // namespace gptc::onednn
