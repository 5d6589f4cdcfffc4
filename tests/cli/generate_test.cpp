// Text from the command line: prompts, sampling, records, the interactive mode.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

class GenerateTest : public CliTest {
 protected:
  static Arguments generate(const Arguments& more) {
    Arguments arguments = {"generate", "--model", path("run"), "-t", "1", "--seed", "3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static std::vector<Json> records(const std::string& text) {
    std::vector<Json> all;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      all.push_back(Json::parse(text.substr(begin, end - begin)));
      begin = end + 1;
    }
    return all;
  }
  /// Some characters of a text from `begin` on, which begin one.
  static std::string tail_of(const std::string& text, std::size_t begin) {
    const auto continues = [&](std::size_t at) { return (text[at] & 0xC0) == 0x80; };
    while (begin < text.size() && continues(begin)) ++begin;
    std::size_t end = std::min(begin + 3, text.size());
    while (end < text.size() && continues(end)) ++end;
    return text.substr(begin, end - begin);
  }
  static std::vector<Json> run(const Arguments& more, const ProgramOptions& options = {}) {
    Arguments arguments = generate(more);
    arguments.emplace_back("--json");
    return records(expect_success(arguments, options).out);
  }
};

TEST_F(GenerateTest, ARecordHasAllOfAText) {
  const std::vector<Json> all = run({"-p", "The ship", "-n", "6", "--logprobs", "3"});
  ASSERT_EQ(all.size(), 1U);
  const Json& record = all.front();
  EXPECT_EQ(record.at("prompt"), "The ship");
  EXPECT_EQ(record.at("finish_reason"), "length");
  EXPECT_EQ(record.at("seed"), 3);
  EXPECT_EQ(record.at("sample"), 0);
  EXPECT_GE(record.at("prompt_tokens"), 1);
  ASSERT_EQ(record.at("tokens").size(), 6U);
  std::string text;
  for (std::size_t i = 0; i < 6; ++i) {
    const Json& token = record.at("logprobs").at(i);
    EXPECT_EQ(token.at("token"), record.at("tokens").at(i));
    text += token.at("text").get<std::string>();
    ASSERT_EQ(token.at("top").size(), 3U);
    const double best = token.at("top").at(0).at("logprob").get<double>();
    EXPECT_LE(token.at("logprob").get<double>(), best);
    EXPECT_LE(best, 0);
    EXPECT_LE(token.at("top").at(2).at("logprob").get<double>(), best);
  }
  EXPECT_EQ(record.at("text"), text);
  const std::vector<Json> shorter = run({"-p", "The ship", "-n", "6", "--logprobs"});
  EXPECT_EQ(shorter.front().at("logprobs").at(0).at("top").size(), 0U);
  EXPECT_EQ(shorter.front().at("tokens"), record.at("tokens"));
  EXPECT_FALSE(run({"-p", "The ship", "-n", "6"}).front().contains("logprobs"));
}

TEST_F(GenerateTest, WithoutJsonTheProbabilitiesFollowTheText) {
  const std::string plain = expect_success(generate({"-p", "The", "-n", "5"})).out;
  const std::string out = expect_success(generate({"-p", "The", "-n", "5", "--logprobs=2"})).out;
  EXPECT_TRUE(out.starts_with(plain)) << out;
  EXPECT_EQ(std::count(out.begin() + static_cast<std::ptrdiff_t>(plain.size()), out.end(), '\n'),
            5);
}

// Ragged prompts; every text crosses the context of 16.
TEST_F(GenerateTest, TextsAreTheSameAloneAndSideBySide) {
  const Arguments several = {"-p", "The ship",      "-p", "A", "-p", "whale swam away, again", "-n",
                             "25", "--num-samples", "2"};
  const std::vector<Json> one = run(several);
  ASSERT_EQ(one.size(), 6U);
  for (const char* batch : {"2", "4", "100"}) {
    Arguments arguments = several;
    arguments.insert(arguments.end(), {"--batch", batch});
    EXPECT_EQ(run(arguments), one) << batch;
    EXPECT_EQ(expect_success(generate(arguments)).out, expect_success(generate(several)).out);
  }
  EXPECT_EQ(run({"-p", "A", "-n", "25", "--num-samples", "2"}),
            (std::vector<Json>{one.at(2), one.at(3)}));
  EXPECT_NE(one.at(2).at("tokens"), one.at(3).at("tokens"));
}

TEST_F(GenerateTest, ReadsAPromptFromEachLine) {
  const std::vector<Json> all = run({"--lines", "-n", "2"}, {.input = "The ship\nA whale\n"});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all.at(0).at("prompt"), "The ship");
  EXPECT_EQ(all.at(1).at("prompt"), "A whale");
  EXPECT_EQ(run({"-n", "2"}, {.input = "The ship\nA"}).front().at("prompt"), "The ship\nA");
  EXPECT_EQ(run({"--lines", "-n", "2"}, {.input = ""}).size(), 0U);
}

TEST_F(GenerateTest, StopsBeforeAString) {
  const Json whole = run({"-p", "The", "-n", "40"}).front();
  const auto text = whole.at("text").get<std::string>();
  const std::size_t begin = text.size() / 2;
  const std::string stop = tail_of(text, begin);
  ASSERT_FALSE(stop.empty()) << text;
  const Json cut = run({"-p", "The", "-n", "40", "--stop", stop, "--stop=\x01\x02"}).front();
  EXPECT_EQ(cut.at("text"), text.substr(0, text.find(stop)));
  EXPECT_EQ(cut.at("finish_reason"), "stop");
  EXPECT_LT(cut.at("tokens").size(), 40U);
  EXPECT_EQ(expect_success(generate({"-p", "The", "-n", "40", "--stop", stop})).out,
            "The" + text.substr(0, text.find(stop)) + "\n");
}

TEST_F(GenerateTest, EverySamplerIsReached) {
  const Arguments base = {"-p", "The", "-n", "12"};
  const auto tokens = [&](const Arguments& more) {
    Arguments arguments = base;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments).front().at("tokens").get<std::vector<int>>();
  };
  const std::vector<int> greedy = tokens({"--temp", "0"});
  EXPECT_EQ(tokens({"--top-k", "1"}), greedy);
  EXPECT_EQ(tokens({"--top-p", "0"}), greedy);
  EXPECT_EQ(tokens({"--min-p", "1"}), greedy);
  EXPECT_NE(tokens({}), greedy);
  const std::string first = std::to_string(greedy.front());
  EXPECT_NE(tokens({"--temp", "0", "--logit-bias", first + "=-inf"}).front(), greedy.front());
  for (const int token : tokens({"--logit-bias", "65=1000"})) EXPECT_EQ(token, 65);
  std::vector<int> once = tokens({"--no-repeat-ngram-size", "1", "--logit-bias", "65=100"});
  EXPECT_EQ(once.front(), 65);
  std::ranges::sort(once);
  EXPECT_EQ(std::ranges::adjacent_find(once), once.end());
  EXPECT_NE(tokens({"--repetition-penalty", "1000", "--temp", "0", "--logit-bias", "65=1"}),
            tokens({"--temp", "0", "--logit-bias", "65=1"}));
}

TEST_F(GenerateTest, EndsWhereNoTokenIsLeft) {
  const Json record = run({"-p", "T", "-n", "1000", "--no-repeat-ngram-size", "1"}).front();
  EXPECT_LE(record.at("tokens").size(), 299U);
  EXPECT_TRUE(record.at("finish_reason") == "no_token" ||
              record.at("finish_reason") == "end_of_text");
}

TEST_F(GenerateTest, NoNewTokens) {
  EXPECT_EQ(expect_success(generate({"-p", "The", "-p", "A", "-n", "0"})).out, "The\n\nA\n");
  EXPECT_EQ(run({"-p", "The", "-n", "0"}).front().at("text"), "");
}

TEST_F(GenerateTest, AnswersEachLine) {
  const std::string prompt = run({"-p", "The ship", "-n", "4"}).front().at("text");
  const ProgramResult result =
      expect_success(generate({"-i", "-n", "4"}), {.input = "The ship\n\nA whale"});
  EXPECT_EQ(result.out.rfind(prompt + "\n", 0), 0U) << result.out;
  const std::vector<Json> all = run({"-i", "-n", "4"}, {.input = "The ship\n\n\nA whale"});
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all.at(0).at("text"), prompt);
  // An empty line goes on: the text before is its prompt.
  for (const std::size_t i : {1U, 2U})
    EXPECT_EQ(all.at(i).at("prompt_tokens").get<std::size_t>(),
              all.at(i - 1).at("prompt_tokens").get<std::size_t>() + 4);
  EXPECT_EQ(all.at(3).at("prompt"), "A whale");
}

TEST_F(GenerateTest, ALineThatIsTooLongIsNotTheEnd) {
  std::string line;
  for (int i = 0; i < 40; ++i) line += "xq ";
  const ProgramResult result =
      expect_success(generate({"-i", "-n", "4", "--json"}), {.input = line + "\nA\n"});
  EXPECT_NE(result.err.find("context of 16"), std::string::npos) << result.err;
  EXPECT_EQ(records(result.out).size(), 1U);
}

TEST_F(GenerateTest, RefusesBadValues) {
  const auto refused = [](const Arguments& more, const Arguments& parts) {
    Arguments arguments = {"-p", "x"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_error(generate(arguments), parts);
  };
  refused({"--top-p", "1.5"}, {"--top-p", "from 0 to 1", "1.5"});
  refused({"--top-p", "nan"}, {"--top-p", "nan"});
  refused({"--min-p", "-0.5"}, {"--min-p", "from 0 to 1", "-0.5"});
  refused({"--repetition-penalty", "0"}, {"--repetition-penalty", "0"});
  refused({"--no-repeat-ngram-size", "-2"}, {"--no-repeat-ngram-size", "-2"});
  refused({"--logit-bias", "5"}, {"--logit-bias", "ID=VALUE", "'5'"});
  refused({"--logit-bias", "x=1"}, {"--logit-bias", "ID=VALUE", "'x=1'"});
  refused({"--logit-bias", "5=1x"}, {"--logit-bias", "ID=VALUE", "'5=1x'"});
  refused({"--logit-bias", "5=nan"}, {"--logit-bias 5", "-1e9 to 1e9"});
  refused({"--logit-bias", "5=inf"}, {"--logit-bias 5", "-1e9 to 1e9"});
  refused({"--logit-bias", "300=1"}, {"--logit-bias 300", "from 0 to 299"});
  refused({"--logit-bias", "5=1", "--logit-bias", "5=2"}, {"--logit-bias 5", "once"});
  refused({"--stop", ""}, {"--stop", "empty"});
  refused({"--stop", "\xff"}, {"--stop", "UTF-8"});
  refused({"--logprobs", "101"}, {"--logprobs", "0 to 100", "101"});
  refused({"--logprobs", "-1"}, {"--logprobs", "-1"});
  refused({"--logprobs", "many"}, {"--logprobs", "many"});
  refused({"--batch", "0"}, {"--batch", "from 1 to 1024", "0"});
  refused({"--num-samples", "0"}, {"--num-samples", "from 1 to 1000000", "0"});
  EXPECT_EQ(run_program(generate({"-i", "-p", "x"})).status, 2);
}

// The time to it counts from the command's start, and takes a folder's weights.
TEST_F(GenerateTest, ItsBenchmarkTellsTheFirstToken) {
  const auto measured = [](const std::string& model) {
    return Json::parse(
        expect_success({"bench", "generate", "--model", model, "--set", "n_layer=1", "--rounds",
                        "1", "--prompt-length", "0", "-t", "1", "--json"})
            .out);
  };
  EXPECT_GT(measured(path("run")).at("first_token_s").get<double>(), 0);
  EXPECT_FALSE(measured("gpt2-nano").contains("first_token_s"));
}

}  // namespace
}  // namespace gptc::testing
