#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "frontend/tokenizer/threads.h"
#include "frontend/tokenizer/tokenizer.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kTokens = 512;  // decoded at a time into memory that stays near

/// Writes a whole row; returns the token's length.
template <typename Row>
std::size_t write_row(const Row& row, char* out) {
  if constexpr (sizeof(Row) == 8 && std::endian::native == std::endian::little) {
    const auto bits = std::bit_cast<std::uint64_t>(row);  // one load for both
    std::memcpy(out, &bits, sizeof bits);
    return bits >> 56;
  }
  std::memcpy(out, &row, sizeof row);
  return row.length;
}

/// Apart, so that the loop it leaves is one straight line.
[[gnu::cold, gnu::noinline]] bool no_token() { return false; }

/// Appends the bytes of up to kTokens tokens by rows in which most of them have room. False, with
/// an unknown part of them appended, where an id is none of a token.
template <typename Row>
bool append_tokens(const Vocabulary& vocabulary, std::span<const Row> rows,
                   std::span<const std::int32_t> ids, std::string& bytes) {
  const std::span<const TokenRow> token_rows = vocabulary.token_rows();
  char decoded[kTokens * sizeof(TokenRow)];
  char* out = decoded;
  for (const std::int32_t id : ids) {
    const auto at = static_cast<std::uint32_t>(id);
    if (at >= rows.size()) [[unlikely]]
      return no_token();
    std::size_t length = write_row(rows[at], out);
    if (length > Row::kLongest) [[unlikely]] {
      length = write_row(token_rows[at], out);
      if (length > TokenRow::kLongest) {
        bytes.append(decoded, out);
        bytes += vocabulary.bytes(id);
        out = decoded;
        continue;
      }
    }
    out += length;
  }
  bytes.append(decoded, out);
  return true;
}

}  // namespace

void Tokenizer::decode_into(std::span<const std::int32_t> ids, std::string& bytes) const {
  const std::size_t before = bytes.size();
  bool few = false;  // bytes a token so far
  for (std::size_t first = 0; first < ids.size(); first += kTokens) {
    const auto some = ids.subspan(first, std::min(kTokens, ids.size() - first));
    const std::size_t so_far = bytes.size();
    if (!(few ? append_tokens(*vocabulary_, vocabulary_->short_rows(), some, bytes)
              : append_tokens(*vocabulary_, vocabulary_->token_rows(), some, bytes))) {
      bytes.resize(before);
      for (const std::int32_t id : some) check_id(id);
    }
    const std::size_t added = bytes.size() - so_far;
    few = 3 * some.size() > added;
    if (first == 0 && ids.size() > kTokens) {
      bytes.reserve(before + added * ids.size() / kTokens * 9 / 8);
    }
  }
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string bytes;
  decode_into(ids, bytes);
  return bytes;
}

std::vector<std::string> Tokenizer::decode_batch(std::span<const std::vector<std::int32_t>> batch,
                                                 int threads) const {
  std::vector<std::string> all(batch.size());
  std::atomic<std::size_t> next{0};
  run_workers(worker_count(threads, batch.size()), [&] {
    for (std::size_t i = 0; (i = next.fetch_add(1)) < batch.size();) all[i] = decode(batch[i]);
  });
  return all;
}

}  // namespace gptc::tokenizer
