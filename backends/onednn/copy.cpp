#include "backends/onednn/copy.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace gptc::onednn {
namespace {
constexpr std::int64_t item_bytes = 1 << 17;
}

AxisView view_around(const ir::Type& type, std::size_t axis) {
  AxisView view;
  view.inner = ir::dtype_bytes(type.dtype);
  for (std::size_t i = 0; i < axis; ++i) view.outer *= type.shape[i].size();
  view.size = type.shape[axis].size();
  for (std::size_t i = axis + 1; i < type.shape.rank(); ++i) view.inner *= type.shape[i].size();
  return view;
}

CopyKernel::CopyKernel(int threads, std::int64_t count, std::int64_t longest, PieceFn piece)
    : ItemKernel(threads),
      count_(count),
      group_(std::max<std::int64_t>(1, item_bytes / std::max<std::int64_t>(1, longest))),
      cuts_(std::max<std::int64_t>(1, (longest + item_bytes - 1) / item_bytes)),
      piece_(std::move(piece)) {}

std::int64_t CopyKernel::items() const { return (count_ + group_ - 1) / group_ * cuts_; }

void CopyKernel::run(std::int64_t item, std::byte* /*scratch*/) {
  const std::int64_t first = item / cuts_ * group_;
  const std::int64_t end = std::min(count_, first + group_);
  for (std::int64_t index = first; index < end; ++index) {
    const Piece piece = piece_(index);
    const std::int64_t begin = cuts_ == 1 ? 0 : item % cuts_ * item_bytes;
    const std::int64_t size = cuts_ == 1 ? piece.bytes : std::min(item_bytes, piece.bytes - begin);
    if (size <= 0 || piece.to == piece.from) continue;
    if (piece.from == nullptr)
      std::memset(piece.to + begin, 0, static_cast<std::size_t>(size));
    else
      std::memcpy(piece.to + begin, piece.from + begin, static_cast<std::size_t>(size));
  }
}

}  // namespace gptc::onednn
