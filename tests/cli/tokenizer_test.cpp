// gptc tokenizer as a person uses it, and training on the token files that it writes.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

namespace fs = std::filesystem;

class TokenizerCommand : public CliTest {
 protected:
  static std::vector<std::string> with(const std::string& command,
                                       const std::vector<std::string>& more,
                                       const std::string& tokenizer = path("tokenizer")) {
    std::vector<std::string> all = {"tokenizer", command, "--tokenizer", tokenizer};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  static std::vector<std::string> learning(const std::string& out,
                                           const std::vector<std::string>& more) {
    std::vector<std::string> all = {"tokenizer",      "learn", "--in",
                                    path("text.txt"), "--out", path(out)};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// Training as in the fixture, on other data.
  static std::vector<std::string> training_on(const std::string& data, const std::string& out,
                                              const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = training(out, more);
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
      if (all[i] == "--data") all[i + 1] = data;
    }
    return all;
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
};

TEST_F(TokenizerCommand, LearningSaysWhatItDid) {
  const ProgramResult result =
      expect_success(learning("learned", {"--vocab-size", "280", "--mem", "64MiB", "--special",
                                          "<|pad|>", "<|x|>", "--pattern", "gpt4", "-t", "2"}));
  for (const char* part : {"learned 280 tokens (21 merges)", "distinct",
                           "spilled: ", "pruned: nothing, so the result is exact"})
    EXPECT_TRUE(has(result.err, part)) << part << " in " << result.err;
  for (const char* name : {"vocab.json", "merges.txt", "tokenizer.json"})
    EXPECT_TRUE(fs::exists(path("learned/") + name)) << name;
  EXPECT_FALSE(fs::exists(path("learned/learning")));
  EXPECT_TRUE(has(content_of(path("learned/merges.txt")), "pattern: gpt4"));
  EXPECT_EQ(run_program(learning("quiet", {"--vocab-size", "270", "-q"})).err, "");
}

TEST_F(TokenizerCommand, ExtendingGivesWhatLearningAtOnceGives) {
  expect_success(learning("small", {"--vocab-size", "270"}));
  expect_success(learning("extended", {"--vocab-size", "300", "--extend", path("small")}));
  EXPECT_EQ(content_of(path("extended/merges.txt")), content_of(path("tokenizer/merges.txt")));
  expect_error(learning("smaller", {"--vocab-size", "260", "--extend", path("small")}),
               {"--vocab-size: it must be above the 270 tokens"});
  EXPECT_EQ(run_program(learning("both", {"--pattern", "gpt4", "--extend", path("small")})).status,
            2);
  expect_error(learning("never", {"--resume"}), {"--resume: there must be interrupted work"});
}

TEST_F(TokenizerCommand, ShowCutsTextIntoTokens) {
  const ProgramResult shown = expect_success(with("show", {"the\\n ship", "\xc3\xa9\x1b"}));
  EXPECT_TRUE(has(shown.out, "\\\\")) << shown.out;
  EXPECT_TRUE(has(shown.out, "[\\xc3 127][\\xa9 102]")) << shown.out;
  EXPECT_TRUE(has(shown.out, "[\\x1b ")) << shown.out;
  EXPECT_FALSE(has(shown.out, "\x1b")) << "colours are for terminals";
  const ProgramResult steps = expect_success(with("show", {"--steps", "whale"}));
  EXPECT_TRUE(has(steps.out, "piece \"whale\"\n       bytes  w h a l e\n")) << steps.out;
  EXPECT_TRUE(has(steps.out, "     merge ")) << steps.out;
  EXPECT_EQ(expect_success(with("show", {}), {.input = "whale"}).out,
            expect_success(with("show", {"whale"})).out);
}

TEST_F(TokenizerCommand, CountsAreThoseOfEncode) {
  const std::string ids = expect_success(with("encode", {"--in", path("text.txt")})).out;
  const auto tokens = std::count(ids.begin(), ids.end(), ' ') + 1;
  EXPECT_EQ(expect_success(with("count", {path("text.txt")})).out, std::to_string(tokens) + "\n");
  const std::string both = expect_success(with("count", {path("text.txt"), path("text.txt")})).out;
  EXPECT_TRUE(has(both, std::to_string(2 * tokens) + "\t")) << both;
  EXPECT_TRUE(has(both, "\ttotal\n")) << both;
  EXPECT_EQ(expect_success(with("count", {}), {.input = ""}).out, "0\n");
}

TEST_F(TokenizerCommand, ConvertingKeepsTheIds) {
  const std::string ids = expect_success(with("encode", {path("text.txt")})).out;
  for (const std::string to : {"hf", "gpt2", "tiktoken"}) {
    expect_success(with("convert", {"--to", to, "--out", path("to_" + to), "-q"}));
    EXPECT_EQ(expect_success(with("encode", {path("text.txt")}, path("to_" + to))).out, ids) << to;
  }
  EXPECT_EQ(expect_success(with("encode", {path("text.txt")}, path("to_hf/tokenizer.json"))).out,
            ids);
  EXPECT_EQ(run_program(with("convert", {"--to", "gguf", "--out", path("x")})).status, 2);
}

TEST_F(TokenizerCommand, TokenFilesHoldTheTextAndAreCutOnce) {
  const std::string text = content_of(path("text.txt"));
  expect_success(
      with("encode", {"--in", path("text.txt"), path("text.txt"), "--out", path("train.bin"),
                      "--val-out", path("val.bin"), "--val-fraction", "0.25", "-t", "2"}));
  const std::string train = expect_success(with("decode", {path("train.bin")})).out;
  const std::string val = expect_success(with("decode", {path("val.bin")})).out;
  EXPECT_EQ(train + val, text + "<|endoftext|>" + text);
  EXPECT_NEAR(static_cast<double>(val.size()), 0.25 * 2 * static_cast<double>(text.size()), 64);
  const auto header = nlohmann::json::parse(content_of(path("train.bin.json")));
  EXPECT_EQ(header.at("tokens").get<std::uintmax_t>() * 2, fs::file_size(path("train.bin")));
  EXPECT_EQ(header.at("dtype"), "uint16");
  EXPECT_EQ(header.at("vocab_size"), 300);
  EXPECT_EQ(header.at("end_of_text"), 299);
}

TEST_F(TokenizerCommand, TrainingOnATokenFileIsTrainingOnItsText) {
  expect_success(with("encode", {"--in", path("text.txt"), "--out", path("all.bin"), "-q"}));
  expect_success(training_on(path("all.bin"), "from_tokens", {"--max-steps", "3"}));
  EXPECT_EQ(content_of(path("from_tokens/model.safetensors")),
            content_of(path("run/model.safetensors")));
  expect_success(training_on(path("all.bin"), "from_both",
                             {"--max-steps", "2", "--val-data", path("all.bin")}));
}

TEST_F(TokenizerCommand, TrainingChecksItsTokenFiles) {
  expect_success(with("encode", {"--in", path("text.txt"), "--out", path("own.bin"), "-q"}));
  expect_success(learning("foreign", {"--vocab-size", "299"}));
  expect_success(with("encode", {"--in", path("text.txt"), "--out", path("foreign.bin"), "-q"},
                      path("foreign")));
  expect_error(training_on(path("foreign.bin"), "x", {"--max-steps", "2"}),
               {"foreign.bin: its tokens are of another tokenizer"});
  std::vector<std::string> two = training_on(path("own.bin"), "x", {"--max-steps", "2"});
  two.insert(two.end(), {"--data", path("own.bin")});
  expect_error(two, {"must be the only one"});
  fs::remove(path("own.bin.json"));
  const ProgramResult bare =
      expect_success(training_on(path("own.bin"), "bare", {"--max-steps", "2"}));
  EXPECT_TRUE(has(bare.err, "two bytes a token")) << bare.err;
  fs::resize_file(path("foreign.bin"), 101);
  expect_error(training_on(path("foreign.bin"), "x", {"--max-steps", "2"}),
               {"101 bytes are no whole number"});
}

TEST_F(TokenizerCommand, EncodeRefusesWhatCannotBeTrainedOn) {
  expect_error(with("encode", {"--in", path("text.txt"), "--out", path("train.tokens")}),
               {"must end in .bin"});
  expect_error(with("encode", {"--in", path("text.txt"), "--val-out", path("val.bin")}),
               {"--val-out: it needs --out"});
  expect_error(with("encode", {"--out", path("t.bin"), "--val-out", path("v.bin")}),
               {"the size of stdin is not known"}, {.input = "text"});
  expect_error(with("encode", {"--in", path("text.txt"), "--out", path("t.bin"), "--val-out",
                               path("v.bin"), "--val-fraction", "1"}),
               {"--val-fraction: it must be above 0"});
  EXPECT_FALSE(fs::exists(path("t.bin")));
}

TEST_F(TokenizerCommand, ItsBenchmarkComparesThreadsByRound) {
  const auto result = nlohmann::json::parse(
      expect_success({"bench", "tokenizer", "--tokenizer", path("tokenizer"), "--in",
                      path("text.txt"), "-t", "2", "1", "--rounds", "3", "--json"})
          .out);
  const auto& text = result.at("texts").at(0);
  EXPECT_EQ(text.at("bytes"), content_of(path("text.txt")).size());
  ASSERT_EQ(text.at("runs").size(), 2);
  for (const char* kind : {"encode", "decode"}) {
    const auto speed = [&](std::size_t run, const std::string& what) {
      return text.at("runs").at(run).at(kind + what);
    };
    EXPECT_EQ(result.at(kind + std::string("_mib_s")), speed(0, "_mib_s").at("median"));
    EXPECT_GT(speed(1, "_mib_s").at("min"), 0);
    EXPECT_EQ(speed(0, "_times_first").at("max"), 1);
    // Of rounds, each beside its own: between the extremes' ratios.
    EXPECT_GE(
        speed(1, "_times_first").at("min").get<double>(),
        speed(1, "_mib_s").at("min").get<double>() / speed(0, "_mib_s").at("max").get<double>());
    EXPECT_LE(
        speed(1, "_times_first").at("max").get<double>(),
        speed(1, "_mib_s").at("max").get<double>() / speed(0, "_mib_s").at("min").get<double>());
  }
}

}  // namespace
}  // namespace gptc::testing
