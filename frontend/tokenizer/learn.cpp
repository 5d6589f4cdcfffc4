#include "frontend/tokenizer/learn.h"

#include <algorithm>
#include <queue>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "frontend/tokenizer/byte_map.h"
#include "frontend/tokenizer/tokenizer.h"
#include "frontend/tokenizer/word_count.h"

namespace gptc::tokenizer {
namespace {

constexpr std::int32_t kBytes = 256;
constexpr std::int32_t kProgressEvery = 64;  // merges

/// All distinct words as one sequence of linked tokens, with each pair's count and places.
class PairTable {
 public:
  explicit PairTable(const WordCounts& words) {
    std::size_t total = 0;
    for (const auto& [word, count] : words) total += word.size();
    if (total >= kEnd) {
      throw Error("learning: the distinct words have " + std::to_string(total) +
                  " bytes, but must stay under 4 GiB; give less text");
    }
    nodes_.reserve(total);
    weights_.reserve(words.size());
    for (const auto& [word, count] : words) add_word(word, count);
  }

  struct Candidate {
    std::int64_t count;
    std::int32_t left;
    std::int32_t right;

    /// Whether `other` is to be merged before this one.
    bool operator<(const Candidate& other) const {
      return std::tie(count, other.left, other.right) < std::tie(other.count, left, right);
    }
  };

  /// The pairs there are before the first merge.
  std::vector<Candidate> candidates() {
    std::vector<Candidate> all;
    for (const Pair& pair : pairs_) all.push_back({pair.count, pair.left, pair.right});
    return all;
  }

  std::int64_t count(std::int32_t left, std::int32_t right) const {
    return pairs_[index_.find(pair_key(left, right))].count;
  }

  /// Puts `result` for every left-right, in each word from left to right, and returns the pairs
  /// that this made.
  std::vector<Candidate> merge(std::int32_t left, std::int32_t right, std::int32_t result) {
    const std::uint32_t merged = index_.find(pair_key(left, right));
    std::vector<std::uint32_t> places = std::exchange(pairs_[merged].places, {});
    std::sort(places.begin(), places.end());
    const std::size_t first_new = pairs_.size();
    for (const std::uint32_t place : places) {
      const std::uint32_t next = nodes_[place].next;
      if (nodes_[place].token != left || next == kEnd || nodes_[next].token != right) continue;
      merge_at(place, result);
    }
    pairs_[merged].count = 0;
    std::vector<Candidate> made;
    for (std::size_t i = first_new; i < pairs_.size(); ++i) {
      made.push_back({pairs_[i].count, pairs_[i].left, pairs_[i].right});
    }
    return made;
  }

 private:
  static constexpr std::uint32_t kEnd = 0xFFFFFFFF;
  static constexpr std::int32_t kDead = -1;

  struct Node {
    std::int32_t token;  // kDead once merged into its left neighbour
    std::uint32_t previous;
    std::uint32_t next;
    std::uint32_t word;
  };
  struct Pair {
    std::int32_t left;
    std::int32_t right;
    std::int64_t count;
    std::vector<std::uint32_t> places;  // of the left token; some are stale
  };

  void add_word(std::string_view word, std::int64_t count) {
    const auto index = static_cast<std::uint32_t>(weights_.size());
    weights_.push_back(count);
    const auto begin = static_cast<std::uint32_t>(nodes_.size());
    const auto end = static_cast<std::uint32_t>(begin + word.size());
    for (std::uint32_t at = begin; at < end; ++at) {
      const std::int32_t token = id_of_byte(static_cast<unsigned char>(word[at - begin]));
      nodes_.push_back({token, at == begin ? kEnd : at - 1, at + 1 == end ? kEnd : at + 1, index});
      if (at > begin) add_pair(at - 1);
    }
  }

  Pair& pair_at(std::uint32_t place) {
    const std::int32_t left = nodes_[place].token;
    const std::int32_t right = nodes_[nodes_[place].next].token;
    const auto fresh = static_cast<std::uint32_t>(pairs_.size());
    const std::uint32_t index = index_.find_or_add(pair_key(left, right), fresh);
    if (index == fresh) pairs_.push_back({left, right, 0, {}});
    return pairs_[index];
  }

  void add_pair(std::uint32_t place) {
    Pair& pair = pair_at(place);
    pair.count += weights_[nodes_[place].word];
    pair.places.push_back(place);
  }

  void drop_pair(std::uint32_t place) { pair_at(place).count -= weights_[nodes_[place].word]; }

  void merge_at(std::uint32_t place, std::int32_t result) {
    Node& node = nodes_[place];
    const std::uint32_t gone = node.next;
    if (node.previous != kEnd) drop_pair(node.previous);
    if (nodes_[gone].next != kEnd) drop_pair(gone);
    node.token = result;
    node.next = nodes_[gone].next;
    nodes_[gone].token = kDead;
    if (node.next != kEnd) {
      nodes_[node.next].previous = place;
      add_pair(place);
    }
    if (node.previous != kEnd) add_pair(node.previous);
  }

  std::vector<Node> nodes_;
  std::vector<std::int64_t> weights_;  // how often each word occurs
  std::vector<Pair> pairs_;
  PairMap index_;  // into pairs_
};

void check(const LearnOptions& options) {
  const auto require = [](bool good, const char* rule, std::int64_t value) {
    if (!good) throw Error(std::string("learning: ") + rule + ", but got " + std::to_string(value));
  };
  require(options.vocab_size > kBytes,
          "vocab_size must be at least 257 (256 bytes and <|endoftext|>)", options.vocab_size);
  require(options.min_frequency >= 1, "min_frequency must be at least 1", options.min_frequency);
  require(options.threads >= 0, "threads must be 0 (all) or more", options.threads);
}

std::vector<Merge> learn_merges(const WordCounts& words, const LearnOptions& options) {
  PairTable table(words);
  std::priority_queue<PairTable::Candidate> queue({}, table.candidates());
  const std::int32_t wanted = options.vocab_size - kBytes - 1;
  const auto report = [&](std::size_t done) {
    if (options.progress)
      options.progress({LearnPhase::merging, 0, static_cast<std::int32_t>(done), wanted});
  };
  std::vector<Merge> merges;
  while (std::cmp_less(merges.size(), wanted) && !queue.empty()) {
    PairTable::Candidate best = queue.top();
    queue.pop();
    const std::int64_t count = table.count(best.left, best.right);
    if (count < options.min_frequency) continue;
    if (count != best.count) {  // merges since it was queued took some of its places
      best.count = count;
      queue.push(best);
      continue;
    }
    const auto result = static_cast<std::int32_t>(kBytes + merges.size());
    merges.push_back({best.left, best.right, result});
    for (const auto& made : table.merge(best.left, best.right, result)) queue.push(made);
    if (merges.size() % kProgressEvery == 0) report(merges.size());
  }
  report(merges.size());
  return merges;
}

}  // namespace

std::shared_ptr<const Vocabulary> learn_vocabulary(std::span<const std::string_view> documents,
                                                   const LearnOptions& options) {
  check(options);
  const int machine = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const WordCounts words = count_words(documents, options.threads > 0 ? options.threads : machine);
  std::vector<Merge> merges = learn_merges(words, options);

  std::vector<std::string> tokens;
  tokens.reserve(kBytes + merges.size() + 1);
  for (std::int32_t id = 0; id < kBytes; ++id) {
    tokens.emplace_back(1, static_cast<char>(byte_of_id(id)));
  }
  for (const Merge& merge : merges) {
    tokens.push_back(tokens[static_cast<std::size_t>(merge.left)] +
                     tokens[static_cast<std::size_t>(merge.right)]);
  }
  tokens.emplace_back(kEndOfText);
  return std::make_shared<const Vocabulary>(std::move(tokens), std::move(merges));
}

}  // namespace gptc::tokenizer
