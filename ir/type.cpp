#include "ir/type.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "ir/check.h"

namespace gptc::ir {
namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array<DTypeRow, 6> dtype_table = {{
    {DType::f64, "f64", 8},
    {DType::f32, "f32", 4},
    {DType::bf16, "bf16", 2},
    {DType::i64, "i64", 8},
    {DType::i32, "i32", 4},
    {DType::i8, "i8", 1},
}};

const DTypeRow& row(DType dtype) { return dtype_table[static_cast<std::size_t>(dtype)]; }

std::int64_t product(std::span<const Dim> dims) {
  std::int64_t total = 1;
  for (const Dim& dim : dims) {
    if (__builtin_mul_overflow(total, dim.size(), &total)) {
      user_error("shape: the number of elements must fit 63 bits, but got {}",
                 Shape(std::vector<Dim>(dims.begin(), dims.end())).text());
    }
  }
  return total;
}

}  // namespace

std::string_view dtype_name(DType dtype) { return row(dtype).name; }
std::int64_t dtype_bytes(DType dtype) { return row(dtype).bytes; }
bool is_float(DType dtype) {
  return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::bf16;
}

std::optional<DType> parse_dtype(std::string_view text) {
  for (const DTypeRow& candidate : dtype_table) {
    if (candidate.name == text) return candidate.dtype;
  }
  return std::nullopt;
}

std::int64_t Dim::size() const {
  internal_check(!is_named(), "dimension {} has no size before it is specialised", name_);
  return size_;
}

bool Shape::is_concrete() const {
  return std::none_of(begin(), end(), [](const Dim& dim) { return dim.is_named(); });
}

std::int64_t Shape::numel() const { return product(dims_); }

std::int64_t Shape::rows() const {
  return dims_.empty() ? 1 : product(std::span(dims_).first(dims_.size() - 1));
}

std::vector<std::int64_t> Shape::sizes() const {
  std::vector<std::int64_t> sizes;
  sizes.reserve(rank());
  for (const Dim& dim : dims_) sizes.push_back(dim.size());
  return sizes;
}

std::string Shape::text() const {
  std::string text;
  for (const Dim& dim : dims_) {
    if (!text.empty()) text += 'x';
    text += dim.is_named() ? std::string(1, dim.name()) : std::to_string(dim.size());
  }
  return text;
}

std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const std::size_t extra = longer.rank() - shorter.rank();
  Shape result = longer;
  for (std::size_t axis = 0; axis < shorter.rank(); ++axis) {
    const Dim& x = longer[axis + extra];
    const Dim& y = shorter[axis];
    if (x == y || y == Dim(1)) continue;
    if (x != Dim(1)) return std::nullopt;
    result[axis + extra] = y;
  }
  return result;
}

std::int64_t Type::bytes() const {
  std::int64_t total = 0;
  if (__builtin_mul_overflow(shape.numel(), dtype_bytes(dtype), &total)) {
    user_error("shape: the number of bytes must fit 63 bits, but got {}", text());
  }
  return total;
}

std::string Type::text() const { return fmt::format("{}[{}]", dtype_name(dtype), shape.text()); }

}  // namespace gptc::ir
