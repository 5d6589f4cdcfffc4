#include "tools/driver/trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/check.h"
#include "tests/driver/tiny_model.h"

namespace gptc::driver {
namespace {

using testing::state_bytes;
using testing::state_values;
using testing::tiny_model;
using testing::tiny_options;
using testing::tiny_text;

TEST(Trainer, LearnsTheRuleOfTheText) {
  const std::vector<std::int32_t> text = tiny_text(2000);
  const std::span<const std::int32_t> all(text);
  Trainer trainer(tiny_model(), all.first(1600), all.last(400), tiny_options());
  const double untrained = trainer.validate();
  EXPECT_NEAR(untrained, std::log(61.0), 0.1);
  double first = 0;
  double last = 0;
  for (int i = 0; i < 120; ++i) {
    last = trainer.step().loss;
    if (i == 0) first = last;
  }
  EXPECT_NEAR(first, untrained, 0.1);
  EXPECT_LT(last, 1.5);
  EXPECT_LT(trainer.validate(), 1.5);
  EXPECT_EQ(trainer.position().step, 120);
  EXPECT_EQ(trainer.position().micro_batches, 120U);
}

TEST(Trainer, ValidationDoesNotChangeTheStates) {
  const std::vector<std::int32_t> text = tiny_text(600);
  Trainer trainer(tiny_model(0.2), text, text, tiny_options());
  trainer.step();
  const auto before = state_bytes(trainer.model());
  EXPECT_EQ(trainer.validate(), trainer.validate());
  EXPECT_EQ(state_bytes(trainer.model()), before);
}

TEST(Trainer, OneAndTwoThreadsGiveTheSameBits) {
  const std::vector<std::int32_t> text = tiny_text(600);
  TrainerOptions options = tiny_options();
  Trainer two(tiny_model(0.1), text, {}, options);
  options.compile.threads = 1;
  Trainer one(tiny_model(0.1), text, {}, options);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(one.step().loss, two.step().loss);
  EXPECT_EQ(state_bytes(one.model()), state_bytes(two.model()));
}

// 2048 rows: the gradients' sums over them are cut, and rounded behind the last part.
TEST(Trainer, GradientsInBf16TrainAlikeAndOnAnyThreads) {
  const std::vector<std::int32_t> text = tiny_text(4000);
  TrainerOptions options = tiny_options();
  options.batch = 128;
  Trainer exact(tiny_model(), text, {}, options);
  options.compile.grad_dtype = ir::DType::bf16;
  Trainer rounded(tiny_model(), text, {}, options);
  options.compile.dtype = ir::DType::bf16;
  Trainer two(tiny_model(), text, {}, options);
  options.compile.threads = 1;
  Trainer one(tiny_model(), text, {}, options);
  for (int i = 0; i < 10; ++i) {
    const StepResult want = exact.step();
    const StepResult got = rounded.step();
    EXPECT_NEAR(got.loss, want.loss, 1e-2 * want.loss);
    EXPECT_NEAR(got.grad_norm, want.grad_norm, 1e-2 * want.grad_norm);
    EXPECT_NEAR(one.step().loss, want.loss, 2e-2 * want.loss);
    two.step();
  }
  EXPECT_NE(state_bytes(rounded.model()), state_bytes(exact.model()));
  EXPECT_EQ(state_bytes(one.model()), state_bytes(two.model()));
}

TEST(Trainer, SumsOfGradientsStayF32) {
  TrainerOptions options = tiny_options();
  options.compile.grad_dtype = ir::DType::bf16;
  options.accumulate = 2;
  EXPECT_THROW(Trainer(tiny_model(), tiny_text(600), {}, options), ir::UserError);
}

// Two micro-batches of 2 hold the windows of one batch of 4.
TEST(Trainer, AccumulationIsOneLargerBatch) {
  const std::vector<std::int32_t> text = tiny_text(1000);
  TrainerOptions options = tiny_options();
  Trainer whole(tiny_model(), text, {}, options);
  options.batch = 2;
  options.accumulate = 2;
  Trainer parts(tiny_model(), text, {}, options);
  for (int i = 0; i < 5; ++i) {
    const StepResult a = whole.step();
    const StepResult b = parts.step();
    EXPECT_NEAR(a.loss, b.loss, 1e-4 * a.loss);
    EXPECT_NEAR(a.grad_norm, b.grad_norm, 1e-3 * a.grad_norm);
    EXPECT_EQ(a.tokens, b.tokens);
  }
  EXPECT_EQ(parts.position().micro_batches, 10U);
  for (const std::string& name : whole.model().parameters()) {
    const std::vector<float> a = state_values(whole.model(), name);
    const std::vector<float> b = state_values(parts.model(), name);
    double difference = 0;
    double norm = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
      norm += std::pow(static_cast<double>(a[i]), 2);
    }
    EXPECT_LE(std::sqrt(difference), 2e-2 * std::sqrt(norm) + 1e-3) << name;
  }
}

TEST(Trainer, DropoutDiffersFromStepToStep) {
  const std::vector<std::int32_t> text(200, 1);  // every window is the same
  TrainerOptions options = tiny_options();
  options.schedule.lr = 1e-12;
  Trainer trainer(tiny_model(0.3), text, {}, options);
  const double first = trainer.step().loss;
  EXPECT_NE(trainer.step().loss, first);
}

TEST(Trainer, SaysWhichStepIsNotFiniteAndLeavesTheStatesAlone) {
  const std::vector<std::int32_t> text = tiny_text(600);
  Trainer trainer(tiny_model(), text, {}, tiny_options());
  trainer.step();
  trainer.model().states().view("ln_f.weight").as<float>()[0] = std::nanf("");
  const std::vector<float> before = state_values(trainer.model(), "wte.weight");
  try {
    trainer.step();
    FAIL() << "a loss that is no number must stop the training";
  } catch (const ir::UserError& error) {
    EXPECT_NE(std::string(error.what()).find("step 2"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("--lr"), std::string::npos) << error.what();
  }
  EXPECT_EQ(state_values(trainer.model(), "wte.weight"), before);
  EXPECT_EQ(trainer.position().step, 1);
  EXPECT_EQ(trainer.position().micro_batches, 1U);
}

TEST(Trainer, RefusesSizesOutOfRange) {
  const std::vector<std::int32_t> text = tiny_text(600);
  TrainerOptions options = tiny_options();
  options.context = 17;
  EXPECT_THROW(Trainer(tiny_model(), text, {}, options), ir::UserError);
  options = tiny_options();
  options.batch = 0;
  EXPECT_THROW(Trainer(tiny_model(), text, {}, options), ir::UserError);
}

TEST(Trainer, TrainsOnTheReferenceBackendAlike) {
  const std::vector<std::int32_t> text = tiny_text(600);
  TrainerOptions options = tiny_options();
  Trainer fast(tiny_model(0.1), text, {}, options);
  options.compile.backend = "reference";
  Trainer reference(tiny_model(0.1), text, {}, options);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(fast.step().loss, reference.step().loss, 2e-4);
}

}  // namespace
}  // namespace gptc::driver
