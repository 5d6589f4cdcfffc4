// Typed views of memory, and tensors that own theirs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ir/type.h"

namespace gptc::runtime {

/// Bytes in C order under a type; does not own them.
struct TensorView {
  ir::Type type;
  std::byte* data = nullptr;

  std::int64_t numel() const { return type.shape.numel(); }
  std::int64_t bytes() const { return type.bytes(); }
  /// InternalError unless T fits the element type in size.
  template <class T>
  std::span<T> as() const {
    check_element_size(sizeof(T));
    return {reinterpret_cast<T*>(data), static_cast<std::size_t>(numel())};
  }

 private:
  void check_element_size(std::size_t size) const;
};

class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(ir::Type type);  // zeros
  TensorView view() { return {type_, storage_.data()}; }
  const ir::Type& type() const { return type_; }
  template <class T>
  std::span<T> as() {
    return view().as<T>();
  }

 private:
  ir::Type type_;
  std::vector<std::byte> storage_;
};

float bf16_to_f32(std::uint16_t bits);
/// Round to nearest even; NaN stays NaN.
std::uint16_t f32_to_bf16(float value);

}  // namespace gptc::runtime
