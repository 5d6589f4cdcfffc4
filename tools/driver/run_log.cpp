#include "tools/driver/run_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <limits>
#include <utility>

#include "frontend/formats/atomic_file.h"
#include "frontend/formats/error.h"
#include "frontend/formats/json_file.h"
#include "frontend/formats/mapped_file.h"

namespace gptc::driver {
namespace {

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", static_cast<float>(value)) : "null";
}

double number_or_nan(const formats::Document& line, std::string_view key) {
  return line.has(key) ? line.get_double(key) : std::numeric_limits<double>::quiet_NaN();
}

LogRecord parse_line(std::string_view text, const std::string& origin) {
  const auto line = formats::Document::parse(text, origin);
  LogRecord record{.step = line.get_int("step", 0),
                   .loss = number_or_nan(line, "loss"),
                   .lr = number_or_nan(line, "lr"),
                   .tokens_per_s = number_or_nan(line, "tokens_per_s")};
  if (line.has("val_loss")) record.val_loss = line.get_double("val_loss");
  return record;
}

/// Calls use(record, line) for every whole line.
void for_each_line(const std::string& path, auto use) {
  const formats::MappedFile file(path);
  std::string_view rest(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  for (int count = 1;; ++count) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return;
    const std::string_view line = rest.substr(0, end);
    use(parse_line(line, fmt::format("{}:{}", path, count)), line);
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

RunLog RunLog::start(const std::string& path) {
  formats::write_file_atomically(path, "");
  return RunLog(path);
}

RunLog RunLog::resume(const std::string& path, std::int64_t step) {
  if (!std::filesystem::exists(path)) return start(path);
  std::string kept;  // the lines as they are, with keys that this version does not know
  for_each_line(path, [&](const LogRecord& record, std::string_view line) {
    if (record.step <= step) kept.append(line).push_back('\n');
  });
  formats::write_file_atomically(path, kept);
  return RunLog(path);
}

RunLog::RunLog(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)) {
  if (file_ < 0)
    throw formats::Error(
        fmt::format("cannot write {}: {}", formats::in_quotes(path), formats::cause(errno)));
}

RunLog::RunLog(RunLog&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

RunLog& RunLog::operator=(RunLog&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  return *this;
}

RunLog::~RunLog() {
  if (file_ >= 0) ::close(file_);
}

void RunLog::append(const LogRecord& record) {
  const std::string line = log_line(record) + '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(file_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      throw formats::Error(
          fmt::format("cannot write {}: {}", formats::in_quotes(path_), formats::cause(errno)));
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string log_line(const LogRecord& record) {
  const std::string validation =
      record.val_loss ? fmt::format(", \"val_loss\": {}", number(*record.val_loss)) : std::string();
  return fmt::format(R"({{"step": {}, "loss": {}, "lr": {}, "tokens_per_s": {:.1f}{}}})",
                     record.step, number(record.loss), number(record.lr),
                     std::isfinite(record.tokens_per_s) ? record.tokens_per_s : 0.0, validation);
}

std::vector<LogRecord> read_log(const std::string& path) {
  std::vector<LogRecord> records;
  for_each_line(path,
                [&](const LogRecord& record, std::string_view) { records.push_back(record); });
  return records;
}

}  // namespace gptc::driver
