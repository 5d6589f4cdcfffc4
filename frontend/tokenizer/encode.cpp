#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "frontend/tokenizer/encoder.h"
#include "frontend/tokenizer/text_parts.h"
#include "frontend/tokenizer/threads.h"
#include "frontend/tokenizer/tokenizer.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 18;  // bytes a thread takes at a time, about
constexpr std::size_t kWhole = static_cast<std::size_t>(-1);

class VectorSink final : public IdSink {
 public:
  explicit VectorSink(std::vector<std::int32_t>& ids) : ids_(&ids) {}
  void take(std::span<const std::int32_t> ids) override {
    ids_->insert(ids_->end(), ids.begin(), ids.end());
  }
  /// Memory that is got once need not be copied, nor asked of the system twice.
  void expect(std::size_t count) override {
    const std::size_t wanted = ids_->size() + count;
    if (wanted > ids_->capacity()) ids_->reserve(std::max(wanted, 2 * ids_->capacity()));
  }

 private:
  std::vector<std::int32_t>* ids_;
};

class CountSink final : public IdSink {
 public:
  void take(std::span<const std::int32_t> ids) override { count += ids.size(); }
  std::size_t count = 0;
};

void encode_part(const TextParts::Part& part, Encoder& encoder, IdSink& sink) {
  if (part.special >= 0) return sink.take({&part.special, 1});
  encoder.encode(part.text, sink);
}

void encode_parts(TextParts parts, Encoder& encoder, IdSink& sink) {
  while (const auto part = parts.next()) encode_part(*part, encoder, sink);
}

/// Hands out parts of one text and puts their tokens together again in order.
class OrderedParts {
 public:
  OrderedParts(TextParts parts, IdSink& sink) : parts_(std::move(parts)), sink_(&sink) {}

  /// Encodes parts until there are none; to be called by several threads at once.
  void work(Encoder& encoder) {
    std::vector<std::int32_t> ids;
    for (;;) {
      std::optional<TextParts::Part> part;
      std::size_t index = 0;
      {
        const std::scoped_lock lock(take_);
        part = parts_.next();
        if (!part) return;
        index = taken_++;
      }
      ids.clear();
      VectorSink sink(ids);
      encode_part(*part, encoder, sink);
      give(index, ids);
    }
  }

 private:
  /// Passes on all tokens that are in turn; leaves `ids` with memory to use again.
  void give(std::size_t index, std::vector<std::int32_t>& ids) {
    const std::scoped_lock lock(give_);
    if (index != given_) {
      waiting_.emplace(index, std::move(ids));
      ids = {};
      if (!spare_.empty()) {
        ids = std::move(spare_.back());
        spare_.pop_back();
      }
      return;
    }
    sink_->take(ids);
    for (++given_; !waiting_.empty() && waiting_.begin()->first == given_; ++given_) {
      sink_->take(waiting_.begin()->second);
      spare_.push_back(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
    }
  }

  std::mutex take_;
  TextParts parts_;
  std::size_t taken_ = 0;
  std::mutex give_;
  IdSink* sink_;
  std::size_t given_ = 0;
  std::map<std::size_t, std::vector<std::int32_t>> waiting_;
  std::vector<std::vector<std::int32_t>> spare_;
};

void encode_to(const Vocabulary& vocabulary, EncoderPool& pool, std::string_view text,
               EncodeOptions options, IdSink& sink) {
  const std::size_t workers = worker_count(options.threads, text.size() / kPart);
  if (workers == 1) {
    const EncoderPool::Lease encoder(pool);
    return encode_parts({vocabulary, text, options.special, kWhole}, *encoder, sink);
  }
  OrderedParts parts({vocabulary, text, options.special, kPart}, sink);
  run_workers(workers, [&] {
    const EncoderPool::Lease encoder(pool);
    parts.work(*encoder);
  });
}

}  // namespace

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<std::int32_t> ids;
  VectorSink sink(ids);
  encode_to(*vocabulary_, *encoders_, text, options, sink);
  return ids;
}

std::size_t Tokenizer::count(std::string_view text, EncodeOptions options) const {
  CountSink sink;
  encode_to(*vocabulary_, *encoders_, text, options, sink);
  return sink.count;
}

std::vector<std::vector<std::int32_t>> Tokenizer::encode_batch(
    std::span<const std::string_view> texts, EncodeOptions options) const {
  std::vector<std::vector<std::int32_t>> all(texts.size());
  std::atomic<std::size_t> next{0};
  run_workers(worker_count(options.threads, texts.size()), [&] {
    const EncoderPool::Lease encoder(*encoders_);
    for (std::size_t i = 0; (i = next.fetch_add(1)) < texts.size();) {
      // The thread's own while it grows: neighbours in `all` share a cache line.
      std::vector<std::int32_t> ids;
      VectorSink sink(ids);
      encode_parts({*vocabulary_, texts[i], options.special, kWhole}, *encoder, sink);
      all[i] = std::move(ids);
    }
  });
  return all;
}

std::vector<TokenSpan> Tokenizer::encode_with_offsets(std::string_view text,
                                                      EncodeOptions options) const {
  std::vector<TokenSpan> spans;
  std::size_t begin = 0;
  for (const std::int32_t id : encode(text, options)) {
    const std::size_t end = begin + vocabulary_->bytes(id).size();
    spans.push_back({id, begin, end});
    begin = end;
  }
  return spans;
}

}  // namespace gptc::tokenizer
