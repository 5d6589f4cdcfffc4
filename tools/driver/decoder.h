// Logits behind texts, with what was read before in caches.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/driver/compile.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {

/// How texts are read: what is new, behind what the caches hold; or all of it each time, which
/// serves models with an op that cannot run on new positions only.
enum class Reading : std::uint8_t { cached, whole };

/// The error of the op for which texts cannot be read through caches; nothing if there is none.
std::optional<std::string> why_no_caches(const ModelSource& source);

/// Reads texts through the derived graphs: new tokens in chunks by `prefill`, one alone by
/// `decode`. A text that would leave much of a chunk empty may get a graph of its own length. Each
/// row of the batch remembers its text: where the next one begins alike, only the rest is read.
/// Without caches every text goes through `logits`, whole.
class Decoder {
 public:
  using Text = std::span<const std::int32_t>;

  /// The requests a CompiledModel needs for texts of up to `context` tokens, `batch` at a time.
  static std::vector<GraphRequest> requests(std::int64_t context, std::int64_t batch = 1,
                                            Reading reading = Reading::cached);

  /// The model outlives the decoder and was compiled with requests(context, batch, reading).
  Decoder(CompiledModel& model, std::int64_t context, std::int64_t batch = 1,
          Reading reading = Reading::cached);

  [[nodiscard]] std::int64_t batch() const { return batch_; }
  [[nodiscard]] std::int64_t context() const { return context_; }

  /// Reads a text of at most `context` tokens into each row; an empty one leaves its row alone.
  void read(std::span<const Text> texts);
  /// The logits f32[V] behind the text that the row read last; valid until the next read.
  [[nodiscard]] std::span<const float> logits(std::size_t row) const;
  /// Forgets what the rows have read: the weights have changed.
  void forget();

 private:
  struct Row {
    std::vector<std::int32_t> text;
    std::size_t past = 0;  // of it in the caches
    std::size_t left() const { return text.size() - past; }
  };
  /// The length of the next chunk where the row with most has `count` tokens left.
  std::int64_t next_length(std::int64_t count);
  void step(std::int64_t chunk);
  void read_whole(std::int64_t longest);
  /// Takes what the last step made for the rows that ended.
  void keep_logits();
  /// Runs a graph on tokens_, past_ and last_, as it takes them, into made_.
  void run(const std::string& label, std::int64_t width, Reading reading);

  CompiledModel& model_;
  std::int64_t context_;
  std::int64_t batch_;
  Reading reading_;
  std::vector<std::int64_t> standing_;  // lengths of chunks that were asked for, ascending
  std::vector<std::int64_t> fitted_;    // and those made for a text, the last used behind
  std::int64_t graph_cost_ = 0;         // of one more, in tokens
  std::size_t vocabulary_ = 0;
  std::vector<Row> rows_;
  std::vector<std::int32_t> tokens_, past_, last_;
  std::vector<bool> ended_;    // rows whose text the last step has read to its end
  std::vector<float> made_;    // by the last step
  std::vector<float> logits_;  // of each row
};

}  // namespace gptc::driver
