// Texts on stdout as `gptc generate` writes them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/driver/generator.h"
#include "tools/driver/interrupt.h"

namespace gptc::driver {

struct TextWriterOptions {
  TextOptions text = {};  // of every text; `context` is the model's
  SamplingOptions sampling = {};
  std::int64_t samples = 1;  // texts for each prompt
  bool json = false;         // a record for each text instead of the text
  bool quiet = false;        // no notes on stderr
};

enum class WriteEnd : std::uint8_t { done, interrupted };

/// Samples of a prompt are numbered from 0, so a prompt's texts are the same whatever others there
/// are, and however many advance side by side (as many as the generator takes). All outlive it.
class TextWriter {
 public:
  TextWriter(Generator& generator, const tokenizer::Tokenizer& tokenizer,
             TextWriterOptions options);

  /// Every sample of every prompt, in order; the first that is not over yet streams. Ctrl-C ends
  /// all. UserError, before anything is written, for a prompt that does not fit the context.
  WriteEnd write(const std::vector<std::string>& prompts);

  /// A text for each line of stdin, without the line itself; an empty line goes on with the text
  /// before. Ctrl-C ends a text. What is wrong with a line is said on stderr.
  void interact();

 private:
  struct Job {
    std::string prompt;
    TextInProgress text;
    bool begun = false;  // something of it is written
    bool noted = false;  // that its context is full
  };
  [[nodiscard]] std::vector<std::int32_t> encode(const std::string& prompt) const;
  [[nodiscard]] Job job(const std::string& prompt, std::span<const std::int32_t> tokens,
                        std::uint64_t sample) const;
  void advance(std::vector<Job*>& rows);
  void note_full_context(Job& job) const;
  void show(Job& job);
  [[nodiscard]] std::string record(Job& job) const;
  [[nodiscard]] std::string probability_table(const TextInProgress& text) const;
  [[nodiscard]] std::string token_text(std::int32_t token) const;
  std::vector<std::int32_t> answer(const std::string& line, std::span<const std::int32_t> before,
                                   std::uint64_t number);

  Generator& generator_;
  const tokenizer::Tokenizer& tokenizer_;
  TextWriterOptions options_;
  Sampler sampler_;
  bool echo_ = true;   // the prompt stands before its text
  bool first_ = true;  // nothing is written yet
};

}  // namespace gptc::driver
