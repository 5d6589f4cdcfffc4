#include "frontend/tokenizer/word_count.h"

#include <atomic>
#include <exception>
#include <thread>
#include <vector>

#include "frontend/tokenizer/pretokenize.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 20;  // bytes a thread takes at a time, about

/// The documents in parts of about kPart bytes whose pieces are those of the documents.
std::vector<std::string_view> parts_of(std::span<const std::string_view> documents) {
  std::vector<std::string_view> parts;
  for (std::string_view rest : documents) {
    while (rest.size() > kPart) {
      const std::size_t cut = safe_cut(Pattern::gpt2, rest, kPart);
      parts.push_back(rest.substr(0, cut));
      rest.remove_prefix(cut);
    }
    if (!rest.empty()) parts.push_back(rest);
  }
  return parts;
}

void count_part(std::string_view part, WordCounts& counts) {
  for (std::size_t begin = 0; begin < part.size();) {
    const std::size_t end = piece_end(Pattern::gpt2, part, begin);
    ++counts[part.substr(begin, end - begin)];
    begin = end;
  }
}

}  // namespace

WordCounts count_words(std::span<const std::string_view> documents, int threads) {
  const std::vector<std::string_view> parts = parts_of(documents);
  const std::size_t workers =
      std::min(parts.size(), static_cast<std::size_t>(threads > 1 ? threads : 1));
  if (workers <= 1) {
    WordCounts counts;
    for (const std::string_view part : parts) count_part(part, counts);
    return counts;
  }
  std::atomic<std::size_t> next{0};
  std::vector<WordCounts> counts(workers);
  std::vector<std::exception_ptr> failures(workers);
  const auto work = [&](std::size_t worker) {
    try {
      for (std::size_t i; (i = next.fetch_add(1)) < parts.size();) {
        count_part(parts[i], counts[worker]);
      }
    } catch (...) {
      failures[worker] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t worker = 1; worker < workers; ++worker) others.emplace_back(work, worker);
    work(0);
  }
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  for (std::size_t worker = 1; worker < workers; ++worker) {
    for (const auto& [word, count] : counts[worker]) counts[0][word] += count;
  }
  return std::move(counts[0]);
}

}  // namespace gptc::tokenizer
