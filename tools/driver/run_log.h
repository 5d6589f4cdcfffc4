#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::driver {

/// One line of log.jsonl.
struct LogRecord {
  /// Optimiser steps done when this was measured.
  std::int64_t step = 0;
  /// Training loss in nats per token; not a number is written as null and read back as such.
  double loss = 0;
  double lr = 0;
  double tokens_per_s = 0;
  /// Validation loss in nats per token, where it was measured.
  std::optional<double> val_loss = std::nullopt;
};

/// The log of a run: one JSON object a line, appended whole, so that a reader never sees half a
/// record and a run that dies loses none that it had written. Throws formats::Error with the path
/// and cause.
class RunLog {
 public:
  /// An empty log, replacing the one that was there.
  static RunLog start(const std::string& path);

  /// Goes on with the log of a run that resumes after `step`: later records are dropped (the run
  /// makes them anew), as is a torn last line. A log that is not there begins empty.
  static RunLog resume(const std::string& path, std::int64_t step);

  RunLog(RunLog&& other) noexcept;
  RunLog& operator=(RunLog&& other) noexcept;
  ~RunLog();

  void append(const LogRecord& record);

 private:
  explicit RunLog(const std::string& path);

  std::string path_;
  int file_ = -1;
};

/// The record as its line, without the newline. Losses and rates carry the digits of a float.
std::string log_line(const LogRecord& record);

/// All records of a log; a torn last line is left out. Throws formats::Error with path and line for
/// a line that is no record, and if the file cannot be read.
std::vector<LogRecord> read_log(const std::string& path);

}  // namespace gptc::driver
