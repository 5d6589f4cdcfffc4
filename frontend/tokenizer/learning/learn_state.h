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

/// A hash of bytes that come in any parts: a polynomial in an odd number, modulo 2^64.
class StreamDigest {
 public:
  void add(std::string_view bytes) {
    for (; bytes.size() >= kAtOnce; bytes.remove_prefix(kAtOnce)) {
      std::uint64_t sum = 0;  // apart from value_, which so waits for one product only
      for (std::size_t i = 0; i < kAtOnce; ++i) sum = sum * kBase + symbol(bytes[i]);
      value_ = value_ * kBaseToAtOnce + sum;
    }
    for (const char byte : bytes) value_ = value_ * kBase + symbol(byte);
  }
  void end_document() { value_ = value_ * kBase + 257; }
  std::uint64_t value() const { return value_; }
  void set(std::uint64_t value) { value_ = value; }

 private:
  static constexpr std::size_t kAtOnce = 8;
  static constexpr std::uint64_t kBase = 0x9E3779B97F4A7C15u;
  static constexpr std::uint64_t kBaseToAtOnce = [] {
    std::uint64_t power = 1;
    for (std::size_t i = 0; i < kAtOnce; ++i) power *= kBase;
    return power;
  }();
  static std::uint64_t symbol(char byte) { return 1u + static_cast<unsigned char>(byte); }

  std::uint64_t value_ = 0;
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

/// Makes the folder where it is missing. Throws Error.
void make_state_folder(const std::filesystem::path& folder);

/// Writes the state into `folder`, whole or not at all. Throws Error.
void save_learn_state(const std::filesystem::path& folder, const LearnState& state);

/// Reads it and removes runs that it does not name, which interrupted work left; nothing where
/// there is none. Throws Error with the line that is wrong.
std::optional<LearnState> load_learn_state(const std::filesystem::path& folder);

/// Removes the state and the runs, and the folder if that leaves it empty. Throws Error.
void remove_learn_state(const std::filesystem::path& folder);

}  // namespace gptc::tokenizer
