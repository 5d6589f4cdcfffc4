#include "frontend/tokenizer/learning/run_store.h"

#include <stdlib.h>  // mkdtemp

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <system_error>
#include <utility>

#include "frontend/tokenizer/error.h"

namespace gptc::tokenizer {
namespace {

constexpr std::string_view kPrefix = "run-";

std::filesystem::path make_folder(const std::filesystem::path& parent) {
  std::error_code error;
  const std::filesystem::path place =
      parent.empty() ? std::filesystem::temp_directory_path(error) : parent;
  std::string name = (place / "gptc-learn-XXXXXX").string();
  if (error || ::mkdtemp(name.data()) == nullptr) {
    throw Error(place.string() + ": cannot make a folder for the counts of pieces: " +
                (error ? error : std::error_code(errno, std::generic_category())).message() +
                "; give one that can be written");
  }
  return name;
}

/// One more than the number in the name of a run, 0 for another name.
std::uint64_t name_after(std::string_view name) {
  if (!name.starts_with(kPrefix)) return 0;
  std::uint64_t number = 0;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), number);
  return number + 1;
}

}  // namespace

RunStore::RunStore(std::filesystem::path folder, std::vector<PieceRun> runs, Durability durability)
    : folder_(std::move(folder)), durability_(durability), runs_(std::move(runs)) {
  for (const PieceRun& run : runs_) next_name_ = std::max(next_name_, name_after(run.name));
}

std::unique_ptr<RunStore> RunStore::scratch(std::filesystem::path parent) {
  return std::unique_ptr<RunStore>(new RunStore(std::move(parent), {}, Durability::scratch));
}

std::unique_ptr<RunStore> RunStore::kept(std::filesystem::path folder, std::vector<PieceRun> runs) {
  return std::unique_ptr<RunStore>(
      new RunStore(std::move(folder), std::move(runs), Durability::durable));
}

RunStore::~RunStore() {
  std::error_code ignored;
  if (own_folder_) std::filesystem::remove_all(folder_, ignored);
}

RunWriter RunStore::new_run() {
  if (durability_ == Durability::scratch && !own_folder_) {
    folder_ = make_folder(folder_);
    own_folder_ = true;
  }
  return {folder_, std::string(kPrefix) + std::to_string(next_name_++), durability_};
}

void RunStore::spill(PieceTable& table) {
  if (table.size() == 0) return;
  table.sort();
  RunWriter writer = [this] {
    const std::lock_guard lock(mutex_);
    return new_run();
  }();
  for (std::size_t i = 0; i < table.size(); ++i) writer.add(table.at(i));
  table.clear();
  const PieceRun run = writer.finish();
  const std::lock_guard lock(mutex_);
  runs_.push_back(run);
  ++spills_;
  spilled_bytes_ += run.bytes;
}

void RunStore::join(std::size_t most, std::size_t buffer_bytes,
                    const std::function<void()>& replaced) {
  while (runs_.size() > most) {
    const std::size_t count = std::min(most, runs_.size() - most + 1);
    const auto end = runs_.begin() + static_cast<std::ptrdiff_t>(count);
    const std::vector<PieceRun> joined(runs_.begin(), end);
    std::vector<std::unique_ptr<PieceSource>> parts;
    for (const PieceRun& run : joined) {
      parts.push_back(std::make_unique<RunReader>(folder_, run, buffer_bytes));
    }
    RunWriter writer = new_run();
    merge_pieces(std::move(parts), [&](const CountedPiece& piece) { writer.add(piece); });
    runs_.erase(runs_.begin(), end);
    runs_.push_back(writer.finish());
    replaced();
    std::error_code ignored;
    for (const PieceRun& run : joined) std::filesystem::remove(folder_ / run.name, ignored);
  }
}

std::vector<std::unique_ptr<PieceSource>> RunStore::sources(std::size_t buffer_bytes) const {
  std::vector<std::unique_ptr<PieceSource>> all;
  for (const PieceRun& run : runs_) {
    all.push_back(std::make_unique<RunReader>(folder_, run, buffer_bytes));
  }
  return all;
}

}  // namespace gptc::tokenizer
