#include "tools/driver/commands/text_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "ir/check.h"
#include "tools/driver/commands/output.h"

namespace gptc::driver {
namespace {

using Json = nlohmann::ordered_json;

/// Ctrl-C does nothing while it lives.
class IgnoreCtrlC {
 public:
  IgnoreCtrlC() : before_(std::signal(SIGINT, SIG_IGN)) {}
  ~IgnoreCtrlC() { std::signal(SIGINT, before_); }
  IgnoreCtrlC(const IgnoreCtrlC&) = delete;
  IgnoreCtrlC& operator=(const IgnoreCtrlC&) = delete;

 private:
  void (*before_)(int);
};

}  // namespace

TextWriter::TextWriter(Generator& generator, const tokenizer::Tokenizer& tokenizer,
                       TextWriterOptions options)
    : generator_(generator),
      tokenizer_(tokenizer),
      options_(std::move(options)),
      sampler_(options_.sampling, generator.vocabulary()) {}

/// An empty prompt begins a document.
std::vector<std::int32_t> TextWriter::encode(const std::string& prompt) const {
  std::vector<std::int32_t> ids = tokenizer_.encode(prompt);
  ir::user_check(!ids.empty() || tokenizer_.end_of_text().has_value(),
                 "--prompt: it must not be empty, as the tokenizer has no end-of-text token");
  if (ids.empty()) ids.push_back(*tokenizer_.end_of_text());
  Generator::check_prompt(ids, options_.text.context);
  return ids;
}

TextWriter::Job TextWriter::job(const std::string& prompt, std::span<const std::int32_t> tokens,
                                std::uint64_t sample) const {
  TextOptions options = options_.text;
  options.sample = sample;
  return {tokenizer::replace_invalid_utf8(prompt), TextInProgress(tokens, options, &tokenizer_)};
}

void TextWriter::note_full_context(Job& job) const {
  if (options_.quiet || job.noted || job.text.window_begin() == 0) return;
  job.noted = true;
  fmt::print(stderr, "gptc: the context of {} tokens is full; its last half is kept\n",
             options_.text.context);
}

/// One token more for the text of each row; rows of texts that are over become free.
void TextWriter::advance(std::vector<Job*>& rows) {
  std::vector<TextInProgress*> texts(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    texts[i] = rows[i] == nullptr ? nullptr : &rows[i]->text;
  generator_.advance(texts, sampler_);
  for (Job*& job : rows) {
    if (job == nullptr) continue;
    note_full_context(*job);
    if (job->text.done()) job = nullptr;
  }
}

WriteEnd TextWriter::write(const std::vector<std::string>& prompts) {
  std::vector<std::vector<std::int32_t>> encoded;
  encoded.reserve(prompts.size());
  for (const std::string& prompt : prompts) encoded.push_back(encode(prompt));
  const auto samples = static_cast<std::size_t>(options_.samples);
  const std::size_t total = prompts.size() * samples;
  const Interrupt interrupt;
  std::deque<Job> jobs;  // begun and not yet shown whole, in order
  std::vector<Job*> rows(static_cast<std::size_t>(generator_.batch()));
  std::size_t next = 0;
  while (next < total || !jobs.empty()) {
    for (Job*& row : rows) {
      if (row != nullptr || next == total) continue;
      row =
          &jobs.emplace_back(job(prompts[next / samples], encoded[next / samples], next % samples));
      ++next;
    }
    if (!jobs.front().text.done()) show(jobs.front());  // a prompt, before its first token
    advance(rows);
    if (interrupt.asked()) {
      for (Job& job : jobs) job.text.end(Finish::interrupted);
      next = total;
    }
    while (!jobs.empty()) {
      show(jobs.front());
      if (!jobs.front().text.done()) break;
      jobs.pop_front();
    }
  }
  return interrupt.asked() ? WriteEnd::interrupted : WriteEnd::done;
}

/// What is new of the first text.
void TextWriter::show(Job& job) {
  if (options_.json) {
    if (job.text.done()) write_stdout(record(job));
    return;
  }
  if (job.text.finish() == Finish::no_token && !options_.quiet)
    fmt::print(stderr, "gptc: every token is forbidden; the text ends\n");
  std::string out;
  if (!job.begun) {
    if (!std::exchange(first_, false) && echo_) out += '\n';
    if (echo_) out += job.prompt;
    job.begun = true;
  }
  out += job.text.take_text();
  if (job.text.done()) out += "\n" + probability_table(job.text);
  write_stdout(out);
}

std::string TextWriter::token_text(std::int32_t token) const {
  return tokenizer::replace_invalid_utf8(tokenizer_.token_bytes(token));
}

std::string TextWriter::probability_table(const TextInProgress& text) const {
  const auto quoted = [&](std::int32_t token) { return Json(token_text(token)).dump(); };
  std::string table;
  for (std::size_t i = 0; i < text.probabilities().size(); ++i) {
    const DrawnToken& drawn = text.probabilities()[i];
    table += fmt::format("{:9.4f}  {}", drawn.log_probability, quoted(text.made()[i]));
    for (std::size_t j = 0; j < drawn.best.size(); ++j)
      table += fmt::format("{}{:.4f} {}", j == 0 ? "  of " : ", ", drawn.best[j].log_probability,
                           quoted(drawn.best[j].token));
    table += '\n';
  }
  return table;
}

/// One line.
std::string TextWriter::record(Job& job) const {
  const TextInProgress& text = job.text;
  Json json;
  json["prompt"] = job.prompt;
  json["text"] = job.text.take_text();
  json["finish_reason"] = name_of(text.finish());
  json["prompt_tokens"] = text.tokens().size() - text.made().size();
  json["tokens"] = std::vector<std::int32_t>(text.made().begin(), text.made().end());
  if (options_.text.log_probabilities) {
    const auto entry = [&](std::int32_t token, float log_probability) {
      return Json{{"token", token}, {"text", token_text(token)}, {"logprob", log_probability}};
    };
    json["logprobs"] = Json::array();
    for (std::size_t i = 0; i < text.made().size(); ++i) {
      const DrawnToken& drawn = text.probabilities()[i];
      Json token = entry(text.made()[i], drawn.log_probability);
      token["top"] = Json::array();
      for (const TokenProbability& best : drawn.best)
        token["top"].push_back(entry(best.token, best.log_probability));
      json["logprobs"].push_back(std::move(token));
    }
  }
  json["seed"] = options_.sampling.seed;
  json["sample"] = text.sample();
  return json.dump() + "\n";
}

/// The text behind one line; returns all of its tokens.
std::vector<std::int32_t> TextWriter::answer(const std::string& line,
                                             std::span<const std::int32_t> before,
                                             std::uint64_t number) {
  const bool go_on = line.empty() && !before.empty();
  Job current = job(line, go_on ? std::vector(before.begin(), before.end()) : encode(line), number);
  const Interrupt interrupt;
  do {
    std::vector<Job*> rows = {&current};
    advance(rows);
    if (interrupt.asked()) current.text.end(Finish::interrupted);
    show(current);
  } while (!current.text.done());
  const auto tokens = current.text.tokens();
  return {tokens.begin(), tokens.end()};
}

void TextWriter::interact() {
  const bool terminal = isatty(STDIN_FILENO) == 1;
  echo_ = false;
  std::vector<std::int32_t> before;
  std::string line;
  const auto ask = [&] {
    std::optional<IgnoreCtrlC> late;  // it was meant for the text that has just ended
    if (terminal) {
      late.emplace();
      fmt::print(stderr, "> ");
    }
    return static_cast<bool>(std::getline(std::cin, line));
  };
  for (std::uint64_t number = 0; ask(); ++number) {
    try {
      before = answer(line, before, number);
    } catch (const ir::UserError& error) {
      fmt::print(stderr, "gptc: {}\n", error.what());
    }
  }
  if (terminal) fmt::print(stderr, "\n");
}

}  // namespace gptc::driver
