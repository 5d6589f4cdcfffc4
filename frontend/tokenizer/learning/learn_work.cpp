#include "frontend/tokenizer/learning/learn_work.h"

#include <algorithm>
#include <utility>

#include "frontend/tokenizer/bpe.h"
#include "frontend/tokenizer/byte_map.h"
#include "frontend/tokenizer/learning/merge_table.h"
#include "frontend/tokenizer/learning/piece_layout.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kTellEvery = 64;  // merges
constexpr std::chrono::seconds kSaveEvery{60};
constexpr std::size_t kBytesOfEnd = 256;  // an end of a document fills the buffer like these

StreamDigest digest_from(std::uint64_t value) {
  StreamDigest digest;
  digest.set(value);
  return digest;
}

}  // namespace

Learner::Work::Work(LearnOptions options, LearnStart start)
    : options_(std::move(options)),
      plan_((check_options(options_, start), options_)),
      start_(std::move(start)),
      base_(start_.merges.size()),
      buffer_(options_.pattern),
      count_at_(plan_.batch) {
  (void)plan_.most_slots(static_cast<std::size_t>(options_.vocab_size), sizeof(std::uint16_t));
  state_.digest = digest_.value();
  if (keeps_state()) resume();
  store_ = keeps_state() ? RunStore::kept(options_.checkpoint, state_.runs)
                         : RunStore::scratch(options_.scratch);
  counter_.emplace(options_.pattern, plan_.threads, plan_.tables, *store_);
}

std::string Learner::Work::settings() const {
  StreamDigest base;
  for (const Merge& merge : std::span(start_.merges).first(base_)) {
    base.add(start_.tokens[static_cast<std::size_t>(merge.result)]);
    base.end_document();
  }
  StreamDigest specials;
  for (const std::string& token : start_.specials) specials.add(token);
  return "pattern=" + std::string(pattern_name(options_.pattern)) +
         " min_frequency=" + std::to_string(options_.min_frequency) +
         " memory_limit=" + std::to_string(options_.memory_limit) +
         " specials=" + std::to_string(specials.value()) + " extends=" + std::to_string(base_) +
         ":" + std::to_string(base.value());
}

/// Takes up the state in the folder of the checkpoint, if there is one.
void Learner::Work::resume() {
  std::optional<LearnState> found = load_learn_state(options_.checkpoint);
  state_.settings = settings();
  if (!found) {
    make_state_folder(options_.checkpoint);
    return;
  }
  if (found->settings != state_.settings) {
    throw Error(options_.checkpoint.string() + ": the learning there has the settings '" +
                found->settings + "', not '" + state_.settings +
                "'; give those, or remove the folder to learn afresh");
  }
  state_ = *std::move(found);
  const std::size_t most = base_ + static_cast<std::size_t>(merges_wanted());
  for (std::size_t i = base_; i < std::min(most, state_.merges.size()); ++i) {
    append_merge(start_, state_.merges[i].first, state_.merges[i].second);
  }
  digest_ = digest_from(state_.digest);
  to_skip_ = state_.bytes;
  skip_checked_ = to_skip_ == 0;
  report_.bytes_read = report_.bytes_resumed = state_.bytes;
  report_.documents = state_.documents;
  report_.pieces = state_.pieces;
}

/// Passes over bytes that earlier work has counted; returns the others.
std::string_view Learner::Work::skip(std::string_view bytes) {
  const std::size_t known = std::min<std::uint64_t>(bytes.size(), to_skip_);
  skipped_.add(bytes.substr(0, known));
  to_skip_ -= known;
  bytes.remove_prefix(known);
  if (!bytes.empty()) check_skipped();
  return bytes;
}

void Learner::Work::check_skipped() {
  if (skip_checked_) return;
  skip_checked_ = true;
  const std::string where = options_.checkpoint.string() + ": the earlier work has counted " +
                            std::to_string(state_.bytes) + " bytes, ";
  const std::string advice = "; give the same documents, or remove the folder to learn afresh";
  if (to_skip_ != 0) {
    throw Error(where + "but the documents end " + std::to_string(to_skip_) + " bytes before" +
                advice);
  }
  if (skipped_.value() != state_.digest)
    throw Error(where + "and the documents' first are others" + advice);
}

void Learner::Work::add(std::string_view bytes) {
  if (bytes.empty()) return;
  open_ = true;
  if (!skip_checked_) bytes = skip(bytes);
  if (state_.counted && !bytes.empty()) {
    throw Error(options_.checkpoint.string() + ": the earlier work has counted all documents, " +
                std::to_string(state_.bytes) +
                " bytes, but now there are more; remove the folder to learn afresh");
  }
  while (!bytes.empty()) {
    const std::size_t taken = std::min(bytes.size(), count_at_ - buffer_.size());
    buffer_.add(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (buffer_.size() >= count_at_) count_ready();
  }
}

void Learner::Work::end_document() {
  if (!open_) return;
  open_ = false;
  if (!skip_checked_) {  // it ended within what was counted
    skipped_.end_document();
    return;
  }
  buffer_.end_document();
  if (buffer_.ends() * kBytesOfEnd >= plan_.batch) count_ready();
}

void Learner::Work::count_ready() {
  const DocumentBuffer::Ready ready = buffer_.ready(PieceCounter::kPart);
  const std::uint64_t before = counter_->pieces();
  counter_->count(ready.parts);
  state_.bytes += ready.bytes;
  state_.documents += buffer_.ends();
  state_.pieces += counter_->pieces() - before;
  if (keeps_state()) {
    buffer_.each_document(
        ready.bytes, [&](std::string_view text) { digest_.add(text); },
        [&] { digest_.end_document(); });
    state_.digest = digest_.value();
  }
  report_.bytes_read = state_.bytes;
  report_.documents = state_.documents;
  report_.pieces = state_.pieces;
  buffer_.drop(ready.bytes);
  if (buffer_.size() > plan_.longest_piece) {
    throw Error("learning: a piece that begins at byte " + std::to_string(state_.bytes) +
                " of the documents has more than " + std::to_string(plan_.longest_piece) +
                " bytes; raise the memory limit, cut the documents or choose another pattern");
  }
  count_at_ = std::max(plan_.batch, 2 * buffer_.size());
  buffer_.reserve(count_at_);
  tell(LearnPhase::reading);
}

/// Ends counting; afterwards open_pieces() may be called as often as needed.
void Learner::Work::close_counting() {
  end_document();
  const bool without_documents = state_.counted && to_skip_ == state_.bytes;
  if (!without_documents) check_skipped();
  if (buffer_.ends() > 0) count_ready();
  buffer_ = DocumentBuffer(options_.pattern);
  state_.counted = true;
  if (plan_.bounded &&
      (keeps_state() || !store_->runs().empty() || counter_->bytes() > plan_.usable / 4)) {
    counter_->spill_all();
  }
  report_.spills = store_->spills();
  report_.spilled_bytes = store_->spilled_bytes();
  store_->join(LearnPlan::kOpenRuns, plan_.run_buffer(), [&] {
    if (keeps_state()) save();
  });
}

std::vector<std::unique_ptr<PieceSource>> Learner::Work::open_pieces() {
  auto sources = store_->sources(plan_.run_buffer());
  for (auto& source : counter_->sources()) sources.push_back(std::move(source));
  return sources;
}

std::int32_t Learner::Work::merges_wanted() const {
  return options_.vocab_size - static_cast<std::int32_t>(256 + base_ + start_.specials.size());
}

bool Learner::Work::is_special(std::int32_t left, std::int32_t right) const {
  const std::string& first = start_.tokens[static_cast<std::size_t>(left)];
  const std::string& second = start_.tokens[static_cast<std::size_t>(right)];
  return std::any_of(start_.specials.begin(), start_.specials.end(),
                     [&](const std::string& special) {
                       return special.size() == first.size() + second.size() &&
                              special.starts_with(first) && special.ends_with(second);
                     });
}

template <typename Symbol>
void Learner::Work::choose_merges() {
  const auto tokens = static_cast<std::size_t>(options_.vocab_size);
  std::optional<Vocabulary> known;
  if (!start_.merges.empty()) known.emplace(start_.tokens, start_.merges, options_.pattern);
  const auto encode = [&](std::string_view piece, std::vector<std::int32_t>& ids) {
    ids.clear();
    if (known) {
      merge_piece(*known, piece, ids);
      return;
    }
    for (const char byte : piece) ids.push_back(id_of_byte(static_cast<unsigned char>(byte)));
  };
  std::vector<std::uint32_t> lengths;
  for (const std::string& token : start_.tokens)
    lengths.push_back(static_cast<std::uint32_t>(token.size()));

  LayoutReport laid_out;
  auto symbols = lay_out_pieces<Symbol>([&] { return open_pieces(); }, encode, lengths,
                                        plan_.most_slots(tokens, sizeof(Symbol)), laid_out);
  report_.unique_pieces = laid_out.unique_pieces;
  report_.pruned_pieces = laid_out.pruned_pieces;
  report_.pruned_occurrences = laid_out.pruned_occurrences;
  report_.pruned_count = laid_out.pruned_count;
  if (plan_.bounded || !keeps_state()) counter_.reset();  // else save() may need it
  known.reset();

  const MergeBudget budget = plan_.merging(tokens, symbols.size, sizeof(Symbol));
  MergeTable<Symbol> table(std::move(symbols), options_.min_frequency, budget);
  const std::size_t wanted = base_ + static_cast<std::size_t>(merges_wanted());
  while (start_.merges.size() < wanted) {
    const std::optional<PairCount> best = table.best();
    if (!best) break;
    const auto left = static_cast<std::int32_t>(best->left);
    const auto right = static_cast<std::int32_t>(best->right);
    if (is_special(left, right)) {
      table.skip(*best);
      continue;
    }
    table.merge(*best);
    append_merge(start_, left, right);
    if (start_.merges.size() % kTellEvery == 0) tell(LearnPhase::merging);
  }
}

std::shared_ptr<const Vocabulary> Learner::Work::finish() {
  close_counting();
  constexpr std::int32_t kFewTokens = 0xFFFF;  // ids and one more number fit into 16 bits
  if (options_.vocab_size <= kFewTokens) {
    choose_merges<std::uint16_t>();
  } else {
    choose_merges<std::uint32_t>();
  }
  report_.merges = static_cast<std::int32_t>(start_.merges.size());
  tell(LearnPhase::merging);
  std::vector<std::string> tokens = start_.tokens;
  tokens.insert(tokens.end(), start_.specials.begin(), start_.specials.end());
  return std::make_shared<const Vocabulary>(std::move(tokens), start_.merges, options_.pattern);
}

void Learner::Work::tell(LearnPhase phase) {
  const auto now = std::chrono::steady_clock::now();
  if (keeps_state() && now - saved_ >= kSaveEvery) save();
  if (!options_.progress) return;
  try {
    options_.progress({phase, state_.bytes, static_cast<std::int32_t>(start_.merges.size() - base_),
                       merges_wanted()});
  } catch (...) {
    if (keeps_state()) save();
    throw;
  }
}

void Learner::Work::save() {
  if (!keeps_state()) throw Error("learning: there is no folder for a checkpoint; give one");
  if (counter_) counter_->spill_all();
  state_.runs = store_->runs();
  state_.merges.clear();
  for (const Merge& merge : start_.merges) state_.merges.emplace_back(merge.left, merge.right);
  save_learn_state(options_.checkpoint, state_);
  saved_ = std::chrono::steady_clock::now();
}

}  // namespace gptc::tokenizer
