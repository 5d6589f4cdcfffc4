#include "tools/driver/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "frontend/data/error.h"
#include "frontend/tokenizer/learner.h"
#include "ir/check.h"
#include "tests/driver/tiny_model.h"
#include "tools/driver/generator.h"
#include "tools/driver/sampling/log_probabilities.h"

namespace gptc::driver {
namespace {

using Tokens = std::vector<std::int32_t>;

class EvaluationTest : public ::testing::Test {
 protected:
  EvaluationTest() : source_(testing::tiny_model()), tokenizer_(learned()) {
    source_.config.set("vocab_size", std::int64_t{tokenizer_.vocab_size()});
  }

  static tokenizer::Tokenizer learned() {
    const std::vector<std::string_view> documents = {"the whale swims, the ship sails the sea"};
    return tokenizer::Tokenizer::learn(documents, {.vocab_size = 264});
  }

  CompiledModel compiled(const std::vector<GraphRequest>& requests) const {
    CompiledModel model(source_.model, source_.config, requests, {.threads = 1, .seed = 3});
    model.initialise();
    return model;
  }

  Evaluation evaluation(const Tokens& tokens, const EvaluationOptions& options) const {
    CompiledModel model = compiled({evaluation_request(options)});
    return evaluate(model, tokens, tokenizer_, options);
  }

  ModelSource source_;
  tokenizer::Tokenizer tokenizer_;
};

// Each token's probability from the model's logits behind what its window has before it.
TEST_F(EvaluationTest, IsTheMeanOfAllTokensByHand) {
  const Tokens tokens = tokenizer_.encode("the sea, the whale and the old ship of the sea");
  constexpr std::size_t context = 7;
  ASSERT_NE((tokens.size() - 1) % context, 0U);  // the last window is shorter
  const Evaluation got = evaluation(tokens, {.batch = 2, .context = context});

  CompiledModel model = compiled(Generator::requests(testing::tiny_context));
  Generator generator(model, testing::tiny_context);
  double loss = 0;
  std::uint64_t bytes = 0;
  for (std::size_t target = 1; target < tokens.size(); ++target) {
    const std::size_t begin = (target - 1) / context * context;
    const auto seen = std::span(tokens).subspan(begin, target - begin);
    const LogProbabilities all(generator.logits(seen));
    loss -= static_cast<double>(all.of(tokens[target]));
    bytes += tokenizer_.token_bytes(tokens[target]).size();
  }
  const double count = static_cast<double>(tokens.size() - 1);
  EXPECT_EQ(got.targets, static_cast<std::int64_t>(tokens.size() - 1));
  EXPECT_NEAR(got.loss, loss / count, 1e-5);
  EXPECT_EQ(got.bytes, bytes);
  EXPECT_NEAR(got.perplexity(), std::exp(loss / count), 1e-3);
  EXPECT_NEAR(got.bits_per_byte(), loss / static_cast<double>(bytes) / std::log(2.0), 1e-5);
}

TEST_F(EvaluationTest, DoesNotDependOnTheBatch) {
  const Tokens tokens = tokenizer_.encode(std::string(300, 'a') + " the whale swims the sea");
  const Evaluation one = evaluation(tokens, {.batch = 1, .context = 9});
  for (const std::int64_t batch : {2, 5, 64}) {
    const Evaluation got = evaluation(tokens, {.batch = batch, .context = 9});
    EXPECT_EQ(got.targets, one.targets);
    EXPECT_EQ(got.bytes, one.bytes);
    EXPECT_NEAR(got.loss, one.loss, 1e-6 * one.loss) << batch;
  }
}

TEST_F(EvaluationTest, SpecialTokensAreTargetsWithoutBytes) {
  const std::int32_t end = tokenizer_.end_of_text().value();
  const Tokens a = tokenizer_.encode("a");
  const Tokens tokens = {a[0], end, a[0]};
  const Evaluation got = evaluation(tokens, {.batch = 1, .context = 4});
  EXPECT_EQ(got.targets, 2);
  EXPECT_EQ(got.bytes, 1U);
  EXPECT_TRUE(std::isnan(evaluation({a[0], end}, {.batch = 1, .context = 4}).bits_per_byte()));
}

TEST_F(EvaluationTest, TellsHowFarItIsAndEndsWhenAsked) {
  const Tokens tokens(41, 65);
  std::vector<std::int64_t> seen;
  EvaluationOptions options = {.batch = 1, .context = 16};
  options.progress = [&](std::int64_t done, std::int64_t total, double loss) {
    EXPECT_EQ(total, 40);
    EXPECT_GT(loss, 0);
    seen.push_back(done);
    return done < 32;
  };
  const Evaluation got = evaluation(tokens, options);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{16, 32}));
  EXPECT_FALSE(got.whole);
  EXPECT_EQ(got.targets, 32);
}

TEST_F(EvaluationTest, RefusesDamagedWeightsAndTooFewTokens) {
  const EvaluationOptions options = {.batch = 1, .context = 4};
  EXPECT_THROW(evaluation({65}, options), data::Error);
  CompiledModel model = compiled({evaluation_request(options)});
  const std::span<float> weights = model.states().view(model.parameters().front()).as<float>();
  for (float& weight : weights) weight = std::nanf("");
  EXPECT_THROW(evaluate(model, Tokens(9, 65), tokenizer_, options), ir::UserError);
}

}  // namespace
}  // namespace gptc::driver
