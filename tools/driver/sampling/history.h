// The tokens of one text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gptc::driver {

class History {
 public:
  /// `more`: how many are expected to follow; room for them is taken at once.
  explicit History(std::span<const std::int32_t> tokens, std::size_t more = 0);

  void push(std::int32_t token) { tokens_.push_back(token); }
  [[nodiscard]] std::span<const std::int32_t> tokens() const { return tokens_; }

  /// Each token that occurs once, in the order of first occurrence. What is asked for first costs
  /// the text's length, later calls what has come since. Tokens are from 0 to vocabulary-1.
  [[nodiscard]] std::span<const std::int32_t> distinct(std::size_t vocabulary);

 private:
  std::vector<std::int32_t> tokens_;
  std::vector<std::int32_t> distinct_;
  std::vector<bool> seen_;   // by token; empty until it is needed
  std::size_t counted_ = 0;  // tokens that distinct_ knows
};

}  // namespace gptc::driver
