#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "frontend/tokenizer/learner.h"
#include "frontend/tokenizer/learning/merge_table.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// What learning starts from: the tokens that are not special, in the order of ids (the bytes, then
/// the merges' results), the merges, and the special tokens, which get the last ids.
struct LearnStart {
  std::vector<std::string> tokens;
  std::vector<Merge> merges;
  std::vector<std::string> specials;
};

/// The bytes and nothing more.
LearnStart start_afresh(const LearnOptions& options);

/// The merges of a vocabulary. Throws Error for one whose merges cannot be learned: two make the
/// same token, or one joins a token before it is made.
LearnStart start_from(const LearnOptions& options, const Vocabulary& base);

/// Appends a merge and its token.
void append_merge(LearnStart& start, std::int32_t left, std::int32_t right);

/// Throws Error for options out of range.
void check_options(const LearnOptions& options, const LearnStart& start);

/// How memory is shared out. It hangs on the options alone, so that the result does.
struct LearnPlan {
  explicit LearnPlan(const LearnOptions& options);

  bool bounded;
  int threads;
  std::size_t usable;         ///< bytes for all of the below
  std::size_t batch;          ///< bytes of text counted at a time
  std::size_t longest_piece;  ///< bytes that may wait for a place to cut
  std::size_t tables;         ///< bytes of the tables of pieces

  /// Of choosing merges. Throws Error where the vocabulary alone leaves no room.
  std::size_t most_slots(std::size_t tokens, std::size_t slot_bytes) const;
  MergeBudget merging(std::size_t tokens, std::size_t slots, std::size_t slot_bytes) const;

  /// Of runs read at a time, and the buffer of each.
  static constexpr std::size_t kOpenRuns = 32;
  std::size_t run_buffer() const;

 private:
  std::size_t for_pieces(std::size_t tokens) const;
};

}  // namespace gptc::tokenizer
