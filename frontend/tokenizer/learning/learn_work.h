#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "frontend/tokenizer/learner.h"
#include "frontend/tokenizer/learning/document_buffer.h"
#include "frontend/tokenizer/learning/learn_plan.h"
#include "frontend/tokenizer/learning/learn_state.h"
#include "frontend/tokenizer/learning/piece_counter.h"
#include "frontend/tokenizer/learning/run_store.h"

namespace gptc::tokenizer {

/// What a Learner does: counts the pieces of documents, then chooses merges.
class Learner::Work {
 public:
  Work(LearnOptions options, LearnStart start);

  void add(std::string_view bytes);
  void end_document();
  std::shared_ptr<const Vocabulary> finish();
  const LearnReport& report() const { return report_; }
  void save();

 private:
  void resume();
  std::string settings() const;
  std::string_view skip(std::string_view bytes);
  void check_skipped();

  void count_ready();
  void close_counting();
  std::vector<std::unique_ptr<PieceSource>> open_pieces();

  template <typename Symbol>
  void choose_merges();
  bool is_special(std::int32_t left, std::int32_t right) const;
  std::int32_t merges_wanted() const;

  void tell(LearnPhase phase);
  bool keeps_state() const { return !options_.checkpoint.empty(); }

  LearnOptions options_;
  LearnPlan plan_;
  LearnStart start_;  // the merges learned so far too
  std::size_t base_;  // merges of the tokenizer that is extended
  std::unique_ptr<RunStore> store_;
  std::optional<PieceCounter> counter_;
  DocumentBuffer buffer_;
  std::size_t count_at_;  // bytes in the buffer
  bool open_ = false;     // whether a document was begun
  LearnState state_;      // bytes, digest, documents and pieces as counted
  StreamDigest digest_;   // of all bytes counted
  StreamDigest skipped_;  // of the bytes that are skipped
  std::uint64_t to_skip_ = 0;
  bool skip_checked_ = true;
  LearnReport report_;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace gptc::tokenizer
