#include "frontend/data/token_view.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "frontend/data/error.h"

namespace gptc::data {
namespace {

static_assert(std::endian::native == std::endian::little, "token files are little-endian");

std::uint64_t bytes_of(TokenWidth width) { return width == TokenWidth::u16 ? 2 : 4; }

template <class Stored>
std::int64_t load(const std::byte* at) {
  Stored value{};
  std::memcpy(&value, at, sizeof value);
  return static_cast<std::int64_t>(value);
}

}  // namespace

TokenView::TokenView(std::span<const std::byte> bytes, TokenWidth width, std::int64_t limit,
                     std::string_view name)
    : bytes_(bytes.data()),
      size_(bytes.size() / bytes_of(width)),
      width_(width),
      limit_(limit),
      name_(name) {}

TokenView TokenView::first(std::uint64_t count) const {
  TokenView part = *this;
  part.size_ = count;
  return part;
}

TokenView TokenView::last(std::uint64_t count) const {
  TokenView part = *this;
  const std::uint64_t skipped = size_ - count;
  part.bytes_ += skipped * bytes_of(width_);
  part.offset_ += skipped;
  part.size_ = count;
  return part;
}

void TokenView::read(std::uint64_t begin, std::span<std::int32_t> out) const {
  if (out.empty()) return;
  if (begin > size_ || out.size() > size_ - begin)
    throw Error(fmt::format("there are {} tokens, but {} from number {} on were asked for", size_,
                            out.size(), begin));
  const std::byte* at = bytes_ + begin * bytes_of(width_);
  if (width_ == TokenWidth::i32) {
    std::memcpy(out.data(), at, out.size_bytes());
    return;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t id = width_ == TokenWidth::u16 ? load<std::uint16_t>(at + i * 2)
                                                      : load<std::uint32_t>(at + i * 4);
    if (id >= limit_)
      throw Error(fmt::format(
          "{}: token {} is {}, but the vocabulary has the ids 0 to {}; was it written with another "
          "tokenizer, or in another width?",
          name_, offset_ + begin + i, id, limit_ - 1));
    out[i] = static_cast<std::int32_t>(id);
  }
}

}  // namespace gptc::data
