#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontend/tokenizer/learning/piece_runs.h"

namespace gptc::tokenizer {

/// A hash of bytes that come in any parts (FNV-1a, 64 bits).
class StreamDigest {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) step(static_cast<unsigned char>(byte));
  }
  void end_document() { step(256); }
  std::uint64_t value() const { return value_; }
  void set(std::uint64_t value) { value_ = value; }

 private:
  void step(std::uint64_t symbol) { value_ = (value_ ^ symbol) * 0x100000001B3u; }
  std::uint64_t value_ = 0xCBF29CE484222325u;
};

/// How far learning has come; with the runs that it names, all there is to continue it.
struct LearnState {
  std::string settings;         ///< one line; what must not change in between
  bool counted = false;         ///< whether all documents are counted
  std::uint64_t bytes = 0;      ///< of the documents, counted in the runs
  std::uint64_t digest = 0;     ///< of these bytes
  std::uint64_t documents = 0;  ///< that have ended within them
  std::uint64_t pieces = 0;     ///< occurrences
  std::vector<PieceRun> runs;
  std::vector<std::pair<std::int32_t, std::int32_t>> merges;  ///< learned, in their order
};

/// Whether `folder` holds a state.
bool has_learn_state(const std::filesystem::path& folder);

/// Writes it into `folder`, which is made where it is missing; whole or not at all. Throws Error.
void save_learn_state(const std::filesystem::path& folder, const LearnState& state);

/// Reads it and removes runs that it does not name, which interrupted work left; nothing where
/// there is none. Throws Error with the line that is wrong.
std::optional<LearnState> load_learn_state(const std::filesystem::path& folder);

/// Removes the state and the runs, and the folder if that leaves it empty. Throws Error.
void remove_learn_state(const std::filesystem::path& folder);

}  // namespace gptc::tokenizer
