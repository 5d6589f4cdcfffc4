// Element types, dimensions, shapes and tensor types: f32[4x256x768], f32[BxTx768], i64[].
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::ir {

/// f64 exists on the reference backend only; i64 for scalars (steps); i32 for token ids.
enum class DType : std::uint8_t { f64, f32, bf16, i64, i32, i8 };

std::string_view dtype_name(DType dtype);
std::optional<DType> parse_dtype(std::string_view text);
std::int64_t dtype_bytes(DType dtype);
bool is_float(DType dtype);

/// A size, or a named dimension: one capital letter that `specialise` replaces by a number.
class Dim {
 public:
  constexpr Dim(std::int64_t size) : size_(size) {}  // NOLINT: sizes are dims
  static constexpr Dim named(char name) {
    Dim dim(0);
    dim.name_ = name;
    return dim;
  }
  constexpr bool is_named() const { return name_ != 0; }
  constexpr char name() const { return name_; }
  /// The number; InternalError for a named dimension.
  std::int64_t size() const;
  friend constexpr bool operator==(const Dim&, const Dim&) = default;

 private:
  std::int64_t size_;
  char name_ = 0;
};

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Dim> dims) : dims_(dims) {}
  explicit Shape(std::vector<Dim> dims) : dims_(std::move(dims)) {}

  std::size_t rank() const { return dims_.size(); }
  const Dim& operator[](std::size_t axis) const { return dims_[axis]; }
  Dim& operator[](std::size_t axis) { return dims_[axis]; }
  const std::vector<Dim>& dims() const { return dims_; }
  const Dim& back() const { return dims_.back(); }
  auto begin() const { return dims_.begin(); }
  auto end() const { return dims_.end(); }

  bool is_concrete() const;
  /// Number of elements, overflow-checked; InternalError if a dimension is named.
  std::int64_t numel() const;
  /// Product of all dimensions but the last (1 for rank 0 and 1).
  std::int64_t rows() const;
  /// Sizes as numbers; InternalError if a dimension is named.
  std::vector<std::int64_t> sizes() const;
  /// "4x256x768", "" for rank 0.
  std::string text() const;
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<Dim> dims_;
};

/// NumPy's rule from the right, equal or 1; nothing where the shapes do not fit.
std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b);

struct Type {
  DType dtype = DType::f32;
  Shape shape;
  /// Overflow-checked; InternalError if a dimension is named.
  std::int64_t bytes() const;
  std::string text() const;  // "f32[4x256x768]"
  friend bool operator==(const Type&, const Type&) = default;
};

}  // namespace gptc::ir
