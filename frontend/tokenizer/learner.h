#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/error.h"

namespace gptc::tokenizer {

class Tokenizer;
enum class Pattern : std::uint8_t;  // pattern.h; the first is gpt2

enum class LearnPhase : std::uint8_t {
  reading,  ///< counting pieces
  merging   ///< choosing merges
};

struct LearnProgress {
  LearnPhase phase;
  std::uint64_t bytes_read;  ///< of all documents, those an earlier run had counted included
  std::int32_t merges_done;  ///< those of the tokenizer that is extended are not counted
  std::int32_t merges_wanted;
};

struct LearnOptions {
  std::int32_t vocab_size = 50257;  ///< 256 bytes + merges + special tokens
  std::int64_t min_frequency = 2;   ///< a pair seen less often is not merged; at least 1
  int threads = 0;                  ///< for counting pieces; 0: as many as the machine has

  /// Bytes of memory that the process may hold while it learns, at least kLeastMemory; 0: no
  /// bound. A part of it, 32 MiB or a quarter if that is less, is left to the program itself.
  /// Pieces that find no room are counted in files (in `scratch`), so the result stays the same;
  /// only if the distinct pieces cannot be held for merging are the rarest left out, and
  /// LearnReport says how many. What is left out depends on the text and this number alone.
  std::uint64_t memory_limit = 0;

  Pattern pattern{};  ///< how text is cut into pieces, which merges never cross

  /// Get the last ids, in this order. Each is written <...>, no two are the same. A text spelled
  /// like one of them is ordinary text, and no merge makes it.
  std::vector<std::string> special_tokens = {"<|endoftext|>"};

  /// Where files of counts go while they are needed; empty: the system's temporary folder.
  std::filesystem::path scratch;

  /// A folder for the state of the work, saved every minute, when `progress` throws and by save();
  /// empty: none is kept. Where the folder holds the state of earlier work, that is continued: feed
  /// the same documents again, and what was counted is skipped; if all were counted, they need not
  /// be fed. Only vocab_size, threads, scratch and progress may differ. See discard().
  std::filesystem::path checkpoint;

  /// Called now and then on the thread that calls the Learner; an exception it throws ends the
  /// learning and passes through.
  std::function<void(const LearnProgress&)> progress;
};

inline constexpr std::uint64_t kLeastMemory = std::uint64_t{4} << 20;

/// What was read, and what became of it.
struct LearnReport {
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_resumed = 0;  ///< of these, counted before by the work that was continued
  std::uint64_t documents = 0;
  std::uint64_t pieces = 0;              ///< occurrences
  std::uint64_t unique_pieces = 0;       ///< distinct ones
  std::uint64_t spills = 0;              ///< files of counts written for want of memory
  std::uint64_t spilled_bytes = 0;       ///< their size
  std::uint64_t pruned_pieces = 0;       ///< distinct pieces left out for want of memory
  std::uint64_t pruned_occurrences = 0;  ///< and how often they stood in the text
  std::uint64_t pruned_count = 0;        ///< the most often that one of them stood there
  std::int32_t merges = 0;               ///< all that the result has
};

/// Learns a byte-level BPE from documents that come in chunks of any size, in time linear in them:
///
///     Learner learner({.vocab_size = 32000, .memory_limit = std::uint64_t{512} << 20});
///     for (const auto& path : paths) learner.add_file(path);
///     const Tokenizer tokenizer = learner.finish();
///
/// The rule: the most frequent pair of neighbouring tokens is merged first, of equally frequent
/// ones the smallest (left id, right id), never across pieces (see pretokenize.h) or documents. Ids
/// 0 to 255 are the bytes in GPT-2's order, merge i is 256 + i, the special tokens come last. The
/// result is the same for any number of threads and any chunks, and its vocab_size() is smaller
/// than asked for if the documents run out of pairs.
///
/// Every member throws Error for what the user can put right: options, files, a full disk. After
/// any exception the Learner can only be destroyed.
class Learner {
 public:
  explicit Learner(LearnOptions options);

  /// Learns on from `base`, whose merges are taken over in their order: if it was learned from the
  /// same documents with the same options, the result is what learning the larger vocabulary at
  /// once gives. The ids are laid out as above, so special tokens move; those of `base` come before
  /// further ones in the options. The pattern is that of `base`.
  Learner(LearnOptions options, const Tokenizer& base);

  Learner(Learner&&) noexcept;
  Learner& operator=(Learner&&) noexcept;
  ~Learner();

  /// The next bytes of the document. They may end anywhere, inside a character too.
  void add(std::string_view bytes);

  /// Ends the document; the next bytes begin another one. Nothing happens if none was begun.
  void end_document();

  /// A file as a document of its own, read part by part.
  void add_file(const std::filesystem::path& path);

  /// Ends the last document and learns.
  Tokenizer finish();

  const LearnReport& report() const;

  /// Saves the state now, also after finish(): a larger vocabulary can then be learned from it.
  void save();

  /// Whether `checkpoint` holds the state of earlier work; removing it once it is not needed.
  static bool has_state(const std::filesystem::path& checkpoint);
  static void discard(const std::filesystem::path& checkpoint);

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace gptc::tokenizer
