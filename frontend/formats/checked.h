#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace gptc::formats {

/// Sum, product and conversion of sizes that come from a file: nothing when the result does not
/// fit. Every size that a file names goes through these before it is used or allocated.
template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checked_add(T a, T b) {
  T sum{};
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checked_mul(T a, T b) {
  T product{};
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

template <std::integral To, std::integral From>
[[nodiscard]] constexpr std::optional<To> checked_narrow(From value) {
  if (!std::in_range<To>(value)) return std::nullopt;
  return static_cast<To>(value);
}

/// Number of elements of a shape (1 for no dimensions); nothing if a dimension is negative or a
/// partial product, taken from the left, exceeds 64 bits.
[[nodiscard]] constexpr std::optional<std::uint64_t> checked_elements(
    std::span<const std::int64_t> shape) {
  std::uint64_t product = 1;
  for (const std::int64_t dimension : shape) {
    const auto size = checked_narrow<std::uint64_t>(dimension);
    if (!size) return std::nullopt;
    const auto next = checked_mul(product, *size);
    if (!next) return std::nullopt;
    product = *next;
  }
  return product;
}

}  // namespace gptc::formats
