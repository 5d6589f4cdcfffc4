#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "frontend/tokenizer/learning/piece_runs.h"
#include "frontend/tokenizer/learning/piece_table.h"

namespace gptc::tokenizer {

/// The runs of one learning and the folder they are in: one of their own, removed at the end, or
/// the folder of a checkpoint, where they stay.
class RunStore {
 public:
  /// Runs in a new folder within `parent` (empty: the system's temporary folder), which is made
  /// when the first run is written.
  static std::unique_ptr<RunStore> scratch(std::filesystem::path parent);

  /// Runs in `folder`, which exists, some of them written by earlier work.
  static std::unique_ptr<RunStore> kept(std::filesystem::path folder, std::vector<PieceRun> runs);

  RunStore(const RunStore&) = delete;
  RunStore& operator=(const RunStore&) = delete;
  ~RunStore();

  /// Writes a table's pieces as a run and clears the table. May be called by several threads.
  void spill(PieceTable& table);

  const std::vector<PieceRun>& runs() const { return runs_; }

  /// Joins runs until there are at most `most` (at least 2), reading through buffers of
  /// `buffer_bytes`. `replaced` is called before the files of joined runs are removed.
  void join(std::size_t most, std::size_t buffer_bytes, const std::function<void()>& replaced);

  /// A source for each run.
  std::vector<std::unique_ptr<PieceSource>> sources(std::size_t buffer_bytes) const;

  std::uint64_t spills() const { return spills_; }
  std::uint64_t spilled_bytes() const { return spilled_bytes_; }

 private:
  RunStore(std::filesystem::path folder, std::vector<PieceRun> runs, Durability durability);
  RunWriter new_run();

  std::filesystem::path folder_;  // for scratch: the parent, until own_folder_
  bool own_folder_ = false;
  Durability durability_;
  std::mutex mutex_;  // guards what spill() changes
  std::vector<PieceRun> runs_;
  std::uint64_t next_name_ = 0;
  std::uint64_t spills_ = 0;
  std::uint64_t spilled_bytes_ = 0;
};

}  // namespace gptc::tokenizer
