#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace gptc::data {

/// How a token is stored: in two bytes, in four, or as it is used.
enum class TokenWidth : std::uint8_t { u16, u32, i32 };

/// A stream of token ids, or a part of one, wherever it lies: in memory or in a mapped file. Owns
/// nothing and is cheap to copy; only what is read is touched.
class TokenView {
 public:
  TokenView() = default;

  /// Ids in memory; they are trusted.
  TokenView(std::span<const std::int32_t> tokens)  // NOLINT: a span is a view
      : bytes_(std::as_bytes(tokens).data()), size_(tokens.size()) {}
  TokenView(const std::vector<std::int32_t>& tokens)  // NOLINT: as above
      : TokenView(std::span<const std::int32_t>(tokens)) {}

  /// Ids of a file, little-endian; `bytes` holds whole ones. Reading one that is not below `limit`
  /// throws Error with `name` (not owned) and the token's place.
  TokenView(std::span<const std::byte> bytes, TokenWidth width, std::int64_t limit,
            std::string_view name);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// The first or last `count` <= size() tokens.
  [[nodiscard]] TokenView first(std::uint64_t count) const;
  [[nodiscard]] TokenView last(std::uint64_t count) const;

  /// Copies the tokens from `begin` on, as many as `out` holds. Throws Error if there are not as
  /// many, or for an id out of range.
  void read(std::uint64_t begin, std::span<std::int32_t> out) const;

 private:
  const std::byte* bytes_ = nullptr;  // of the first token
  std::uint64_t size_ = 0;            // tokens
  TokenWidth width_ = TokenWidth::i32;
  std::int64_t limit_ = 0;    // 0: all ids are good
  std::uint64_t offset_ = 0;  // of the first token in its file
  std::string_view name_;
};

}  // namespace gptc::data
