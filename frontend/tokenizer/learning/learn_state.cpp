#include "frontend/tokenizer/learning/learn_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <limits>
#include <system_error>

#include "frontend/tokenizer/error.h"

namespace gptc::tokenizer {
namespace {

constexpr std::string_view kHeader = "gptc learning 1";
constexpr std::string_view kEnd = "end";
constexpr std::string_view kRunPrefix = "run-";
constexpr std::int32_t kBytes = 256;

std::filesystem::path file_in(const std::filesystem::path& folder) { return folder / "state"; }

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what, int error) {
  throw Error(path.string() + ": cannot " + std::string(what) + ": " +
              std::generic_category().message(error));
}

void sync_folder(const std::filesystem::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) fail(folder, "open", errno);
  ::fsync(file);  // not every file system knows it for folders
  ::close(file);
}

void write_whole(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path fresh = path.string() + ".new";
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) fail(fresh, "write", errno);
  int error = 0;
  while (!text.empty() && error == 0) {
    const ssize_t n = ::write(file, text.data(), text.size());
    if (n >= 0) text.remove_prefix(static_cast<std::size_t>(n));
    if (n < 0 && errno != EINTR) error = errno;
  }
  if (error == 0 && ::fsync(file) != 0) error = errno;
  ::close(file);
  if (error == 0 && ::rename(fresh.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(fresh.c_str());
    fail(fresh, "write", error);
  }
  sync_folder(path.parent_path());
}

/// The lines of a state, each a word and numbers.
class StateReader {
 public:
  explicit StateReader(const std::filesystem::path& path) : path_(path), in_(path) {
    if (!in_) throw Error(path.string() + ": cannot read the state of learning");
  }

  /// Reads the next line and its first word; the rest is read by the functions below.
  std::string_view word() {
    if (!std::getline(in_, line_)) damaged("it ends here");
    ++number_;
    rest_ = line_;
    return cut();
  }

  std::string_view rest() { return std::exchange(rest_, {}); }

  std::string_view cut() {
    const std::string_view word = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(std::min(rest_.size(), word.size() + 1));
    return word;
  }

  template <typename Number>
  Number value(Number most = std::numeric_limits<Number>::max()) {
    const std::string_view word = cut();
    Number value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || value < 0 || value > most) {
      damaged("'" + std::string(word) + "' is no number that may stand here");
    }
    return value;
  }

  [[noreturn]] void damaged(const std::string& what) const {
    throw Error(path_.string() + ", line " + std::to_string(number_) +
                ": the state of learning is damaged: " + what +
                "; remove the folder to learn afresh");
  }

 private:
  std::filesystem::path path_;
  std::ifstream in_;
  std::string line_;
  std::string_view rest_;
  std::size_t number_ = 0;
};

/// Removes the runs that are not among `named`, and what an interrupted save left.
void remove_other_runs(const std::filesystem::path& folder, const std::vector<PieceRun>& named) {
  std::error_code ignored;
  std::vector<std::filesystem::path> others;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool is_named = std::any_of(named.begin(), named.end(),
                                      [&](const PieceRun& run) { return run.name == name; });
    if (name.starts_with(kRunPrefix) && !is_named) others.push_back(entry.path());
  }
  others.push_back(file_in(folder).string() + ".new");
  for (const auto& path : others) std::filesystem::remove(path, ignored);
}

PieceRun read_run(StateReader& reader, const std::filesystem::path& folder) {
  PieceRun run;
  run.name = reader.cut();
  if (!run.name.starts_with(kRunPrefix) || run.name.find('/') != std::string::npos) {
    reader.damaged("'" + run.name + "' is no name of a run");
  }
  run.bytes = reader.value<std::uint64_t>();
  run.pieces = reader.value<std::uint64_t>();
  std::error_code error;
  const auto size = std::filesystem::file_size(folder / run.name, error);
  if (error || size != run.bytes) {
    reader.damaged(run.name + (error ? " is missing" : " has another size"));
  }
  return run;
}

}  // namespace

bool has_learn_state(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(file_in(folder), ignored);
}

void make_state_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail(folder, "make the folder", error.value());
}

void save_learn_state(const std::filesystem::path& folder, const LearnState& state) {
  const auto number = [](auto value) { return ' ' + std::to_string(value); };
  std::string text(kHeader);
  text += "\nsettings " + state.settings;
  text += "\ncounted" + number(state.counted ? 1 : 0) + number(state.bytes) + number(state.digest) +
          number(state.documents) + number(state.pieces);
  for (const PieceRun& run : state.runs) {
    text += "\nrun " + run.name + number(run.bytes) + number(run.pieces);
  }
  for (const auto& [left, right] : state.merges) text += "\nmerge" + number(left) + number(right);
  text.append("\n").append(kEnd).append("\n");
  write_whole(file_in(folder), text);
}

std::optional<LearnState> load_learn_state(const std::filesystem::path& folder) {
  if (!has_learn_state(folder)) return std::nullopt;
  StateReader reader(file_in(folder));
  LearnState state;
  reader.word();
  if (reader.rest() != kHeader.substr(kHeader.find(' ') + 1)) {
    reader.damaged("it is not of this version");
  }
  if (reader.word() != "settings") reader.damaged("the settings are missing");
  state.settings = reader.rest();
  if (reader.word() != "counted") reader.damaged("what was counted is missing");
  state.counted = reader.value(1) == 1;
  state.bytes = reader.value<std::uint64_t>();
  state.digest = reader.value<std::uint64_t>();
  state.documents = reader.value<std::uint64_t>();
  state.pieces = reader.value<std::uint64_t>();
  std::string_view word = reader.word();
  for (; word == "run"; word = reader.word()) state.runs.push_back(read_run(reader, folder));
  for (; word == "merge"; word = reader.word()) {
    const auto last = kBytes + static_cast<std::int32_t>(state.merges.size()) - 1;
    const auto left = reader.value(last);
    state.merges.emplace_back(left, reader.value(last));
  }
  if (word != kEnd) reader.damaged("'" + std::string(word) + "' may not stand here");
  remove_other_runs(folder, state.runs);
  return state;
}

void remove_learn_state(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::remove(file_in(folder), error);
  if (error) fail(file_in(folder), "remove", error.value());
  remove_other_runs(folder, {});
  std::filesystem::remove(folder, error);  // fails, as it should, if something else is in it
}

}  // namespace gptc::tokenizer
