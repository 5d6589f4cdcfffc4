#include <atomic>
#include <cstring>

#include "frontend/tokenizer/threads.h"
#include "frontend/tokenizer/tokenizer.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kStep = 16;  // bytes copied whatever a token's length

}  // namespace

void Tokenizer::decode_into(std::span<const std::int32_t> ids, std::string& bytes) const {
  const std::uint32_t* const offsets = vocabulary_->offsets().data();
  const auto size = static_cast<std::uint32_t>(vocab_size());
  std::size_t total = 0;
  for (const std::int32_t id : ids) {
    const auto at = static_cast<std::uint32_t>(id);
    if (at >= size) check_id(id);
    total += offsets[at + 1] - offsets[at];
  }
  const std::size_t before = bytes.size();
  bytes.resize(before + total + kStep);
  char* out = bytes.data() + before;
  const char* const all = vocabulary_->all_bytes();
  for (const std::int32_t id : ids) {
    const auto at = static_cast<std::uint32_t>(id);
    const char* const token = all + offsets[at];
    const std::size_t length = offsets[at + 1] - offsets[at];
    std::memcpy(out, token, kStep);
    if (length > kStep) [[unlikely]] {
      std::memcpy(out + kStep, token + kStep, length - kStep);
    }
    out += length;
  }
  bytes.resize(before + total);
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
