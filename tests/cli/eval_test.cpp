// The quality of a model on a text, as a person asks for it.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

class EvalTest : public CliTest {
 protected:
  static Arguments eval(const std::string& data, const Arguments& more) {
    Arguments arguments = {"eval", "--model", path("run"), "--data", data, "-t", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static Json figures(const std::string& data, const Arguments& more = {}) {
    Arguments arguments = eval(data, more);
    arguments.emplace_back("--json");
    return Json::parse(expect_success(arguments).out);
  }
};

TEST_F(EvalTest, FiguresBelongTogether) {
  const Json result = figures(path("text.txt"));
  const auto loss = result.at("loss").get<double>();
  const auto tokens = result.at("tokens").get<double>();
  const auto bytes = result.at("bytes").get<double>();
  EXPECT_GT(loss, 1);
  EXPECT_LT(loss, 7);
  EXPECT_NEAR(result.at("perplexity").get<double>(), std::exp(loss), 1e-6 * std::exp(loss));
  EXPECT_NEAR(result.at("bits_per_byte").get<double>(), loss * tokens / bytes / std::log(2.0),
              1e-9);
  const ProgramResult plain = expect_success(eval(path("text.txt"), {}));
  for (const char* part : {"loss", "perplexity", "bits per byte"})
    EXPECT_NE(plain.out.find(part), std::string::npos) << plain.out;
}

TEST_F(EvalTest, EveryTokenButTheFirstIsATargetOnceAtEveryBatch) {
  const std::string text = content_of(path("text.txt"));
  const Json one = figures(path("text.txt"), {"--batch", "1"});
  EXPECT_LT(one.at("bytes").get<std::size_t>(), text.size());
  EXPECT_GE(one.at("bytes").get<std::size_t>(), text.size() - 16);
  for (const char* batch : {"3", "8"}) {
    const Json result = figures(path("text.txt"), {"--batch", batch});
    EXPECT_EQ(result.at("tokens"), one.at("tokens"));
    EXPECT_EQ(result.at("bytes"), one.at("bytes"));
    EXPECT_NEAR(result.at("loss").get<double>(), one.at("loss").get<double>(), 1e-5);
  }
}

TEST_F(EvalTest, TextAndItsTokenFileAreTheSame) {
  expect_success({"tokenizer", "encode", "--tokenizer", path("tokenizer"), "--in", path("text.txt"),
                  "--out", path("eval.bin")});
  const Json text = figures(path("text.txt"));
  const Json file = figures(path("eval.bin"));
  for (const char* key : {"loss", "tokens", "bytes"}) EXPECT_EQ(text.at(key), file.at(key)) << key;
}

TEST_F(EvalTest, FewWindowsAndShortTexts) {
  EXPECT_EQ(figures(path("text.txt"), {"--windows", "2"}).at("tokens"), 32);
  const TempFolder folder;
  const std::string tiny = folder.with("tiny.txt", "The whale");
  const Json result = figures(tiny, {"--batch", "5"});
  EXPECT_GE(result.at("tokens"), 1);
  EXPECT_LT(result.at("tokens"), 9);
}

TEST_F(EvalTest, Bf16IsClose) {
  const double exact = figures(path("text.txt"), {"--windows", "40"}).at("loss");
  const double close = figures(path("text.txt"), {"--windows", "40", "--dtype", "bf16"}).at("loss");
  EXPECT_NEAR(close, exact, 0.02);
  EXPECT_NE(close, exact);
}

TEST_F(EvalTest, RefusesWhatCannotBe) {
  const TempFolder folder;
  expect_error({"eval", "--model", path("run")}, {"--data"});
  expect_error({"eval", "--model", "gpt2", "--data", path("text.txt")}, {"gpt2", "no weights"});
  expect_error(eval(path("nofile.txt"), {}), {"nofile.txt"});
  expect_error(eval(folder.with("one.txt", "a"), {}), {"tokens"});
  expect_error(eval(path("text.txt"), {"--batch", "0"}), {"--batch", "at least 1"});
  expect_error(eval(path("text.txt"), {"--ctx", "17"}), {"--ctx", "16", "17"});
  expect_error(eval(path("text.txt"), {"--windows", "-1"}), {"--windows", "-1"});
  expect_error(eval(path("text.txt"), {"--tokenizer", "gpt2"}), {"vocab"});
}

}  // namespace
}  // namespace gptc::testing
