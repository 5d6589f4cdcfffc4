#include "frontend/tokenizer/learning/learn_plan.h"

#include <algorithm>
#include <set>
#include <thread>

#include "frontend/tokenizer/byte_map.h"
#include "frontend/tokenizer/learning/piece_table.h"

namespace gptc::tokenizer {
namespace {

constexpr std::int32_t kBytes = 256;
constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kBatchOfThread = 2 * kMiB;
constexpr std::size_t kMostSlots = 0xFFFFFFF0;  // places are 32-bit numbers
constexpr std::size_t kBytesOfToken = 160;      // sums, its text and its merge

[[noreturn]] void fail(const std::string& what) { throw Error("learning: " + what); }

void require(bool good, const std::string& rule, std::int64_t value) {
  if (!good) fail(rule + ", but got " + std::to_string(value));
}

void add_special(std::vector<std::string>& specials, const std::string& token) {
  if (std::find(specials.begin(), specials.end(), token) == specials.end()) {
    specials.push_back(token);
  }
}

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

LearnStart start_afresh(const LearnOptions& options) {
  LearnStart start;
  for (std::int32_t id = 0; id < kBytes; ++id) {
    start.tokens.emplace_back(1, static_cast<char>(byte_of_id(id)));
  }
  start.specials = options.special_tokens;
  return start;
}

void append_merge(LearnStart& start, std::int32_t left, std::int32_t right) {
  const auto result = static_cast<std::int32_t>(start.tokens.size());
  start.merges.push_back({left, right, result});
  start.tokens.push_back(start.tokens[static_cast<std::size_t>(left)] +
                         start.tokens[static_cast<std::size_t>(right)]);
}

LearnStart start_from(const LearnOptions& options, const Vocabulary& base) {
  LearnStart start = start_afresh(options);
  start.specials.clear();
  constexpr std::int32_t kUnmade = -1;
  std::vector<std::int32_t> ids(static_cast<std::size_t>(base.size()), kUnmade);
  for (std::int32_t id = 0; id < kBytes; ++id) {
    ids[static_cast<std::size_t>(base.byte_token(byte_of_id(id)))] = id;
  }
  const auto refuse = [&](std::int32_t token, const char* what) {
    fail("cannot extend the tokenizer: token '" + base.text(token) + "' " + what +
         ", which no learning does");
  };
  for (const Merge& merge : base.merges()) {
    for (const std::int32_t part : {merge.left, merge.right}) {
      if (ids[static_cast<std::size_t>(part)] == kUnmade)
        refuse(part, "is merged before it is made");
    }
    std::int32_t& result = ids[static_cast<std::size_t>(merge.result)];
    if (result != kUnmade) refuse(merge.result, "is made by two merges");
    result = static_cast<std::int32_t>(start.tokens.size());
    append_merge(start, ids[static_cast<std::size_t>(merge.left)],
                 ids[static_cast<std::size_t>(merge.right)]);
  }
  for (const std::int32_t id : base.specials()) start.specials.emplace_back(base.bytes(id));
  for (const std::string& token : options.special_tokens) add_special(start.specials, token);
  return start;
}

void check_options(const LearnOptions& options, const LearnStart& start) {
  std::set<std::string> seen;
  for (const std::string& token : options.special_tokens) {
    if (token.size() < 3 || token.front() != '<' || token.back() != '>') {
      fail("special tokens are written <...>, as <|endoftext|> is, but one is '" + token + "'");
    }
    if (!seen.insert(token).second) fail("special token '" + token + "' is given twice");
  }
  const std::size_t least = start.tokens.size() + start.specials.size();
  std::string parts = "256 bytes";
  if (!start.merges.empty()) parts += ", " + std::to_string(start.merges.size()) + " merges so far";
  parts += ", " + std::to_string(start.specials.size()) + " special";
  require(std::cmp_greater_equal(options.vocab_size, least),
          "vocab_size must be at least " + std::to_string(least) + " (" + parts + ")",
          options.vocab_size);
  require(options.min_frequency >= 1, "min_frequency must be at least 1", options.min_frequency);
  require(options.threads >= 0, "threads must be 0 (all) or more", options.threads);
  if (options.memory_limit != 0 && options.memory_limit < kLeastMemory) {
    fail("the memory limit must be at least " + mebibytes(kLeastMemory) + " (0: none), but got " +
         std::to_string(options.memory_limit) + " bytes");
  }
}

LearnPlan::LearnPlan(const LearnOptions& options)
    : bounded(options.memory_limit != 0),
      threads(options.threads > 0
                  ? options.threads
                  : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))) {
  batch = static_cast<std::size_t>(threads) * kBatchOfThread;
  if (!bounded) {
    usable = SIZE_MAX;
    longest_piece = PieceTable::kLongestPiece;
    tables = SIZE_MAX;
    return;
  }
  const std::uint64_t program = std::min<std::uint64_t>(32 * kMiB, options.memory_limit / 4);
  usable = options.memory_limit - program;
  batch = std::min(batch, usable / 8);
  longest_piece = usable / 8;
  tables = usable / 2;
}

std::size_t LearnPlan::for_pieces(std::size_t tokens) const {
  const std::size_t fixed = tokens * kBytesOfToken;
  if (fixed > usable / 2) {
    fail("a vocabulary of " + std::to_string(tokens) + " tokens needs a memory limit of at least " +
         mebibytes(3 * fixed + 2 * kMiB) + "; raise it");
  }
  return usable - fixed;
}

std::size_t LearnPlan::most_slots(std::size_t tokens, std::size_t slot_bytes) const {
  if (!bounded) return kMostSlots;
  return std::min(kMostSlots, for_pieces(tokens) / 3 * 2 / slot_bytes);
}

MergeBudget LearnPlan::merging(std::size_t tokens, std::size_t slots,
                               std::size_t slot_bytes) const {
  // Each merged place adds at most two, so four places a slot always last.
  const std::size_t enough = 4 * slots + 1024;
  if (!bounded) return {enough, SIZE_MAX / 4};
  // A sixth holds the index of pairs, also while it grows, and the queue of them.
  const std::size_t rest = for_pieces(tokens);
  const std::size_t lists = rest - rest / 6 - std::min(slots * slot_bytes, rest / 3 * 2);
  return {std::min(enough, lists / sizeof(std::uint32_t)), rest / 14};
}

std::size_t LearnPlan::run_buffer() const {
  constexpr std::size_t kMost = 256 << 10;
  constexpr std::size_t kLeast = 4 << 10;
  return std::clamp(usable / 16 / kOpenRuns, kLeast, kMost);
}

}  // namespace gptc::tokenizer
