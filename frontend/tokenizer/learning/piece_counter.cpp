#include "frontend/tokenizer/learning/piece_counter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <string>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/piece_scanner.h"
#include "frontend/tokenizer/threads.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kTaken = std::size_t{128} << 10;  // bytes a thread takes at least at a time

/// Hands the parts of a batch to threads.
class Parts {
 public:
  explicit Parts(std::span<const std::string_view> parts) : rest_(parts) {}

  std::span<const std::string_view> take() {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (std::size_t bytes = 0; n < rest_.size() && bytes < kTaken; ++n) bytes += rest_[n].size();
    const auto taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
  }

 private:
  std::mutex mutex_;
  std::span<const std::string_view> rest_;
};

[[noreturn]] void refuse(std::size_t size) {
  throw Error("learning: a piece has " + std::to_string(size) +
              " bytes, but must stay under 4 GiB; cut the documents or choose another pattern");
}

}  // namespace

PieceCounter::PieceCounter(Pattern pattern, int threads, std::size_t most_bytes, RunStore& store)
    : pattern_(pattern), store_(store) {
  const auto wanted = static_cast<std::size_t>(threads);
  const std::size_t workers =
      std::clamp<std::size_t>(most_bytes / PieceTable::kLeastBytes, 1, wanted);
  tables_.reserve(workers);
  for (std::size_t i = 0; i < workers; ++i) tables_.emplace_back(most_bytes / workers);
}

std::uint64_t PieceCounter::count_part(std::string_view part, PieceTable& table) {
  std::array<std::size_t, 512> ends;
  std::array<std::string_view, ends.size()> pieces;
  std::uint64_t total = 0;
  std::size_t begin = 0;
  PieceScanner scanner(pattern_, part);
  for (std::size_t n; (n = scanner.next(ends)) > 0; total += n) {
    for (std::size_t i = 0; i < n; begin = ends[i++]) {
      pieces[i] = part.substr(begin, ends[i] - begin);
      if (pieces[i].size() > PieceTable::kLongestPiece) refuse(pieces[i].size());
    }
    std::span<const std::string_view> rest(pieces.data(), n);
    rest = rest.subspan(table.add_each(rest));
    while (!rest.empty()) {
      store_.spill(table);
      rest = rest.subspan(table.add_each(rest));
    }
  }
  return total;
}

void PieceCounter::count(std::span<const std::string_view> parts) {
  Parts shared(parts);
  std::atomic<std::size_t> next_table{0};
  std::atomic<std::uint64_t> pieces{0};
  run_workers(std::min(tables_.size(), parts.size()), [&] {
    PieceTable& table = tables_[next_table.fetch_add(1)];
    for (auto taken = shared.take(); !taken.empty(); taken = shared.take()) {
      for (const std::string_view part : taken) pieces += count_part(part, table);
    }
  });
  pieces_ += pieces;
}

std::size_t PieceCounter::bytes() const {
  std::size_t sum = 0;
  for (const PieceTable& table : tables_) sum += table.bytes();
  return sum;
}

void PieceCounter::spill_all() {
  for (PieceTable& table : tables_) store_.spill(table);
}

std::vector<std::unique_ptr<PieceSource>> PieceCounter::sources() {
  std::vector<std::unique_ptr<PieceSource>> all;
  for (PieceTable& table : tables_) {
    if (table.size() == 0) continue;
    table.sort();
    all.push_back(std::make_unique<TableSource>(table));
  }
  return all;
}

}  // namespace gptc::tokenizer
