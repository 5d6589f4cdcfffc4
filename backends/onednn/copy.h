// Moving parts of tensors: what slice, pad, concat, shift and the like come down to.
#pragma once

#include <functional>
#include <memory>

#include "backends/onednn/kernel.h"

namespace gptc::onednn {

/// A tensor as outer × axis × inner around one of its axes; `inner` in bytes.
struct AxisView {
  std::int64_t outer = 1;
  std::int64_t size = 1;
  std::int64_t inner = 1;
};
AxisView view_around(const ir::Type& type, std::size_t axis);

/// Copies `bytes` from `from` (null: writes zeros) to `to`.
struct Piece {
  std::byte* to = nullptr;
  const std::byte* from = nullptr;
  std::int64_t bytes = 0;
};

/// Calls piece(i) for i in [0, count) and does what it says, in parallel; long pieces are cut.
class CopyKernel final : public ItemKernel {
 public:
  using PieceFn = std::function<Piece(std::int64_t index)>;
  /// `longest`: no piece has more bytes.
  CopyKernel(int threads, std::int64_t count, std::int64_t longest, PieceFn piece);

 private:
  std::int64_t items() const override;
  void run(std::int64_t item, std::byte* scratch) override;

  std::int64_t count_;
  std::int64_t group_;  // pieces of an item
  std::int64_t cuts_;   // items of a piece
  PieceFn piece_;
};

}  // namespace gptc::onednn
