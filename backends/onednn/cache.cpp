// positions, cache_write, cache_read: rows of caches, copied.
#include <algorithm>

#include "backends/onednn/copy.h"
#include "backends/onednn/rows.h"

namespace gptc::onednn {
namespace {

const std::int32_t* past_of(const KernelArgs& args, std::size_t operand) {
  return reinterpret_cast<const std::int32_t*>(args.operands[operand]);
}

/// Few numbers: not worth a second thread.
class PositionsKernel final : public Kernel {
 public:
  PositionsKernel(const ir::Node& node, const KernelArgs& args)
      : past_(past_of(args, 0)),
        positions_(reinterpret_cast<std::int32_t*>(args.results[0])),
        batches_(node.results[0].shape[0].size()),
        size_(node.results[0].shape[1].size()),
        first_(node.attrs.integer("first")),
        limit_(node.attrs.integer("limit")) {}

  void execute() override {
    for (std::int64_t i = 0; i < batches_ * size_; ++i) {
      const std::int64_t position = first_ + past_[i / size_] + i % size_;
      positions_[i] = static_cast<std::int32_t>(std::clamp<std::int64_t>(position, 0, limit_ - 1));
    }
  }

 private:
  const std::int32_t* past_;
  std::int32_t* positions_;
  std::int64_t batches_, size_, first_, limit_;
};

std::unique_ptr<Kernel> create_positions(const ir::Graph&, const ir::Node& node,
                                         const KernelArgs& args) {
  return std::make_unique<PositionsKernel>(node, args);
}

/// One behind the other.
class Both final : public Kernel {
 public:
  Both(std::unique_ptr<Kernel> first, std::unique_ptr<Kernel> second)
      : first_(std::move(first)), second_(std::move(second)) {}
  void execute() override {
    first_->execute();
    second_->execute();
  }

 private:
  std::unique_ptr<Kernel> first_, second_;
};

/// Pieces of f32 rounded into bf16; `bytes` are those written.
class RoundKernel final : public ItemKernel {
 public:
  RoundKernel(int threads, std::int64_t count, CopyKernel::PieceFn piece)
      : ItemKernel(threads), count_(count), piece_(std::move(piece)) {}

 private:
  static constexpr std::int64_t pieces_of_item = 64;

  std::int64_t items() const override { return (count_ + pieces_of_item - 1) / pieces_of_item; }
  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t end = std::min(count_, (item + 1) * pieces_of_item);
    for (std::int64_t i = item * pieces_of_item; i < end; ++i) {
      const Piece piece = piece_(i);
      if (piece.bytes > 0) cast_row(round_, piece.from, piece.to, piece.bytes / 2);
    }
  }

  std::int64_t count_;
  CopyKernel::PieceFn piece_;
  RowFn round_ = cast_rows(ir::DType::f32, ir::DType::bf16);
};

/// The new rows of a batch, or of a head of it, that the cache has room for; in place, else behind
/// a copy of the cache.
std::unique_ptr<Kernel> create_write(const ir::Graph& graph, const ir::Node& node,
                                     const KernelArgs& args) {
  const ir::Type& x = graph.type(node.operands[1]);
  const bool by_head = node.results[0].shape.rank() > x.shape.rank();  // [B,H,S,D] of x[B,N,H·D]
  const AxisView cache = view_around(node.results[0], by_head ? 2 : 1);
  const bool rounds = x.dtype != node.results[0].dtype;
  const std::int64_t inner = rounds ? cache.inner * 2 : cache.inner;             // the same of x
  const std::int64_t width = x.bytes() / x.shape[0].size() / x.shape[1].size();  // of a row of x
  const std::int64_t start = node.attrs.integer("start");
  const std::int64_t fresh = x.shape[1].size();
  const std::int64_t heads = by_head ? node.results[0].shape[1].size() : 1;
  const std::int32_t* past = past_of(args, 2);
  const std::byte* from =
      args.operands[1] + std::max<std::int64_t>(start, 0) * ir::dtype_bytes(x.dtype);
  std::byte* to = args.results[0];
  // A piece is what lies together in x and in the cache: all rows of a batch, or a head's row.
  const bool apart = by_head || start >= 0;
  const std::int64_t together = apart ? 1 : fresh;
  const std::int64_t pieces = apart ? fresh : 1;  // of a batch and head
  const auto rows = [=](std::int64_t i) {
    const std::int64_t head = i % heads;
    const std::int64_t batch = i / heads / pieces;
    const std::int64_t first = i / heads % pieces;
    const std::int64_t given = past[batch] + first;
    const std::int64_t begin = std::clamp<std::int64_t>(given, 0, cache.size);
    const std::int64_t end = std::clamp<std::int64_t>(given + together, 0, cache.size);
    const std::int64_t row = batch * fresh + first + begin - given;
    return Piece{to + ((batch * heads + head) * cache.size + begin) * cache.inner,
                 from + row * width + head * inner, (end - begin) * cache.inner};
  };
  // Single rows lie far apart: each costs what some lines in a row would.
  constexpr std::int64_t bytes_of_far_row = 2048;
  const std::int64_t longest = std::max(together * cache.inner, apart ? bytes_of_far_row : 0);
  const std::int64_t count = x.shape[0].size() * heads * pieces;
  std::unique_ptr<Kernel> write;
  if (rounds)
    write = std::make_unique<RoundKernel>(args.threads, count, rows);
  else
    write = std::make_unique<CopyKernel>(args.threads, count, longest, rows);
  const std::byte* old = args.operands[0];
  if (old == to) return write;
  const std::int64_t bytes = node.results[0].bytes();
  auto keep = std::make_unique<CopyKernel>(args.threads, 1, bytes, [=](std::int64_t) {
    return Piece{to, old, bytes};
  });
  return std::make_unique<Both>(std::move(keep), std::move(write));
}

/// Of a batch: zeros before the first row, rows of the cache, zeros behind its last.
std::unique_ptr<Kernel> create_read(const ir::Graph& graph, const ir::Node& node,
                                    const KernelArgs& args) {
  const AxisView cache = view_around(graph.type(node.operands[0]), 1);
  const AxisView y = view_around(node.results[0], 1);
  const std::int32_t* past = past_of(args, 1);
  const std::int64_t by = node.attrs.integer("by");
  const std::byte* from = args.operands[0];
  std::byte* to = args.results[0];
  const std::int64_t whole = y.size * y.inner;
  return std::make_unique<CopyKernel>(args.threads, 3 * y.outer, whole, [=](std::int64_t i) {
    const std::int64_t batch = i / 3;
    const std::int64_t first = past[batch] - by;
    const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, y.size);
    const std::int64_t end = std::clamp<std::int64_t>(cache.size - first, begin, y.size);
    std::byte* row = to + batch * whole;
    if (i % 3 == 0) return Piece{row, nullptr, begin * y.inner};
    if (i % 3 == 2) return Piece{row + end * y.inner, nullptr, (y.size - end) * y.inner};
    return Piece{row + begin * y.inner, from + (batch * cache.size + first + begin) * cache.inner,
                 (end - begin) * y.inner};
  });
}

}  // namespace

KernelRow kernel_positions() { return {.create = create_positions}; }
KernelRow kernel_cache_write() { return {.create = create_write}; }
KernelRow kernel_cache_read() { return {.create = create_read}; }

}  // namespace gptc::onednn
