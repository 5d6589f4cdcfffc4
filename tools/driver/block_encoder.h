// Text files of any size to tokens, block by block, over all cores, in constant memory.
#pragma once

#include <cstdint>
#include <span>

#include "frontend/data/text_stream.h"
#include "frontend/tokenizer/tokenizer.h"

namespace gptc::driver {

/// What happens to the tokens, in the order of the text.
class TokenSink {
 public:
  TokenSink() = default;
  TokenSink(const TokenSink&) = delete;
  TokenSink& operator=(const TokenSink&) = delete;
  virtual ~TokenSink() = default;

  virtual void begin_document() {}
  /// The next tokens, which are `bytes` of text.
  virtual void tokens(std::span<const std::int32_t> ids, std::uint64_t bytes) = 0;
  /// Called between the tokens where they may first be cut once `cut_at` bytes are behind them, or
  /// at the end.
  virtual void cut() {}
};

struct BlockOptions {
  tokenizer::EncodeOptions encode = {};      // threads: those that share a block
  std::size_t block = std::size_t{8} << 20;  // bytes read at once
  std::uint64_t cut_at = ~std::uint64_t{0};  // bytes of all text
};

/// The tokens do not depend on blocks and threads. A piece longer than a block is held whole.
void encode_blocks(const tokenizer::Tokenizer& tokenizer, data::TextStream& text, TokenSink& sink,
                   const BlockOptions& options);

}  // namespace gptc::driver
