// Distributions that Hugging Face transformers' logits processors gave (tools/oracle).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/sampling/naive.h"
#include "tools/driver/sampling/steps.h"

namespace gptc::driver {
namespace {

using Json = nlohmann::json;

SamplingOptions options_of(const Json& json) {
  SamplingOptions options;
  options.temperature = json.value("temperature", 1.0);
  options.top_k = json.value("top_k", std::int64_t{0});
  options.top_p = json.value("top_p", 1.0);
  options.min_p = json.value("min_p", 0.0);
  options.repetition_penalty = json.value("repetition_penalty", 1.0);
  options.no_repeat_ngram = json.value("no_repeat_ngram", std::int64_t{0});
  for (const Json& bias : json.value("logit_bias", Json::array()))
    options.logit_bias.push_back({bias.at(0).get<std::int32_t>(), bias.at(1).get<float>()});
  return options;
}

TEST(Golden, DistributionsAreThoseOfHuggingFace) {
  std::ifstream file(GPTC_SOURCE_DIR "/tests/golden/sampling.json");
  const Json cases = Json::parse(file).at("cases");
  ASSERT_GE(cases.size(), 60U);
  for (const Json& one : cases) {
    const auto logits = one.at("logits").get<std::vector<float>>();
    const auto text = one.at("text").get<std::vector<std::int32_t>>();
    const auto expected = one.at("probabilities").get<std::vector<double>>();
    const SamplingOptions options = options_of(one.at("options"));
    const std::vector<double> naive = testing::naive_distribution(logits, options, text);
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(naive[i], expected[i], 1e-6) << i << " of " << one.at("options");
    Candidates candidates(logits.size());
    candidates.begin(logits);
    History history(text);
    for (const SamplingStep& step : sampling_steps())
      if (step.active(options)) step.apply(candidates, options, history);
    double sum = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (expected[i] > 1e-5) {
        EXPECT_EQ(candidates.draw(sum + 0.02 * expected[i]), static_cast<std::int32_t>(i));
        EXPECT_EQ(candidates.draw(sum + 0.98 * expected[i]), static_cast<std::int32_t>(i));
      }
      sum += expected[i];
    }
  }
}

}  // namespace
}  // namespace gptc::driver
