#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/learning/piece_table.h"
#include "frontend/tokenizer/learning/run_store.h"
#include "frontend/tokenizer/pattern.h"

namespace gptc::tokenizer {

/// Counts the pieces of texts with several threads, each with a table of its own that it spills
/// when it is full.
class PieceCounter {
 public:
  /// `threads` at least 1; fewer are used where `most_bytes`, for all tables, does not last.
  PieceCounter(Pattern pattern, int threads, std::size_t most_bytes, RunStore& store);

  std::size_t threads() const { return tables_.size(); }

  /// Counts the pieces of each text, which are documents or cut where safe_cut allows. Texts are
  /// best cut into parts of about kPart bytes, and may be gone after it.
  void count(std::span<const std::string_view> parts);
  static constexpr std::size_t kPart = std::size_t{256} << 10;

  std::uint64_t pieces() const { return pieces_; }  ///< occurrences
  std::size_t bytes() const;                        ///< of memory that the tables have

  /// Spills all that is in memory.
  void spill_all();

  /// The sorted tables that are not empty; nothing is counted after it.
  std::vector<std::unique_ptr<PieceSource>> sources();

 private:
  std::uint64_t count_part(std::string_view part, PieceTable& table);

  Pattern pattern_;
  RunStore& store_;
  std::vector<PieceTable> tables_;
  std::uint64_t pieces_ = 0;
};

}  // namespace gptc::tokenizer
