#include <algorithm>
#include <atomic>
#include <cstring>

#include "frontend/tokenizer/threads.h"
#include "frontend/tokenizer/tokenizer.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kTokens = 512;  // decoded at a time into memory that stays near

}  // namespace

void Tokenizer::decode_into(std::span<const std::int32_t> ids, std::string& bytes) const {
  const std::span<const TokenRow> rows = vocabulary_->token_rows();
  const std::size_t before = bytes.size();
  char decoded[kTokens * sizeof(TokenRow)];
  for (std::size_t first = 0; first < ids.size(); first += kTokens) {
    const auto some = ids.subspan(first, std::min(kTokens, ids.size() - first));
    char* out = decoded;
    for (const std::int32_t id : some) {
      const auto at = static_cast<std::uint32_t>(id);
      if (at >= rows.size()) [[unlikely]] {
        bytes.resize(before);
        check_id(id);
      }
      const TokenRow& row = rows[at];
      std::memcpy(out, &row, sizeof row);
      if (row.length > TokenRow::kLongest) [[unlikely]] {
        bytes.append(decoded, out);
        bytes += vocabulary_->bytes(id);
        out = decoded;
        continue;
      }
      out += row.length;
    }
    if (first == 0 && ids.size() > kTokens) {
      const std::size_t so_far = bytes.size() - before + static_cast<std::size_t>(out - decoded);
      bytes.reserve(before + so_far * ids.size() / kTokens * 9 / 8);
    }
    bytes.append(decoded, out);
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
    for (std::size_t i = 0; (i = next.fetch_add(1)) < batch.size();) decode_into(batch[i], all[i]);
  });
  return all;
}

}  // namespace gptc::tokenizer
