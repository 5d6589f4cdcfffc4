// The memory contract and budgets: sizes as people write them, plans that are kept, and the same
// bits with and without a budget.
#include "tools/driver/memory.h"

#include <gtest/gtest.h>

#include <string>

#include "ir/check.h"
#include "tests/driver/tiny_model.h"
#include "tools/driver/backends.h"
#include "tools/driver/lowering.h"

namespace gptc::driver {
namespace {

using testing::state_bytes;
using testing::tiny_model;
using testing::tiny_options;
using testing::tiny_text;

TEST(Memory, SizesAsPeopleWriteThem) {
  EXPECT_EQ(parse_bytes("--mem", ""), 0);
  EXPECT_EQ(parse_bytes("--mem", "123"), 123);
  EXPECT_EQ(parse_bytes("--mem", "2GiB"), std::int64_t{2} << 30);
  EXPECT_EQ(parse_bytes("--mem", "2G"), std::int64_t{2} << 30);
  EXPECT_EQ(parse_bytes("--mem", "1.5 GB"), 1'500'000'000);
  EXPECT_EQ(parse_bytes("--mem", "512MiB"), 512 << 20);
  for (const char* wrong : {"x", "GiB", "-1", "0", "2 gigs", "1e30", "nan", "inf", "2GiBs"})
    EXPECT_THROW(parse_bytes("--mem", wrong), ir::UserError) << wrong;
}

TEST(Memory, IsMeasured) {
  const OwnMemory before = own_memory();
  ASSERT_GT(before.now, 0);
  std::vector<char> block(std::size_t{64} << 20, 1);
  EXPECT_GE(own_memory().now, before.now + (60 << 20));
  block = {};
  EXPECT_GE(own_memory().most, before.now + (60 << 20));
  EXPECT_TRUE((MemoryContract{1'000'000'000, 1'029'000'000}.holds()));
  EXPECT_FALSE((MemoryContract{1'000'000'000, 1'031'000'000}.holds()));
}

/// Plans of a tiny model with dropout, by budget.
std::vector<CurvePoint> curve_of(const ModelSource& source, const TrainerOptions& options) {
  const auto backend = make_backend(options.compile.backend, options.compile.threads);
  ir::Module module = dsl::declare(source.model, source.config, source.seed);
  std::vector<GraphRequest> requests = Trainer::requests(options, Validation::no, source.context());
  requests.push_back({"init", "init", {}});
  LoweringOptions lowering;
  lowering.context = pass_context(*backend);
  lowering.allocated_bytes = allocated_bytes(*backend);
  const std::vector<ir::Graph> graphs = lower_all(module, requests, lowering);
  return memory_curve(module, graphs, 0, lowering, {});
}

class Budget : public ::testing::TestWithParam<std::string> {};

TEST_P(Budget, GivesTheSameBits) {
  const std::vector<std::int32_t> text = tiny_text(1000);
  for (const std::int64_t accumulate : {1, 2}) {
    TrainerOptions options = tiny_options();
    options.compile.backend = GetParam();
    options.accumulate = accumulate;
    const ModelSource source = tiny_model(0.2);
    const std::vector<CurvePoint> curve = curve_of(source, options);
    ASSERT_GE(curve.size(), 3U);
    Trainer whole(source, text, {}, options);
    EXPECT_EQ(whole.model().planned_bytes(), curve.front().peak_bytes);
    std::vector<double> losses;
    for (int i = 0; i < 3; ++i) losses.push_back(whole.step().loss);
    for (const CurvePoint& point : {curve[curve.size() / 2], curve.back()}) {
      options.compile.memory_budget = point.peak_bytes;
      Trainer part(source, text, {}, options);
      EXPECT_EQ(part.model().planned_bytes(), point.peak_bytes);
      for (const double loss : losses) EXPECT_EQ(part.step().loss, loss);
      EXPECT_EQ(state_bytes(part.model()), state_bytes(whole.model()));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Budget, ::testing::Values("onednn", "reference"));

TEST(Budget, NamesTheSmallestThatWorks) {
  const std::vector<std::int32_t> text = tiny_text(600);
  TrainerOptions options = tiny_options();
  const std::int64_t least = curve_of(tiny_model(), options).back().peak_bytes;
  options.compile.memory_budget = least - 1;
  try {
    Trainer trainer(tiny_model(), text, {}, options);
    FAIL() << "no plan is so small";
  } catch (const ir::UserError& error) {
    const std::string said = error.what();
    EXPECT_NE(said.find("--mem " + std::to_string(least) + " or more"), std::string::npos) << said;
  }
  options.compile.memory_budget = least;
  EXPECT_EQ(Trainer(tiny_model(), text, {}, options).model().planned_bytes(), least);
}

}  // namespace
}  // namespace gptc::driver
