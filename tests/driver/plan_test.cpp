// Plans of the models as shipped: how near an arena comes to what its schedule needs at least, and
// what budgets lead to.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "models/registry.h"
#include "tools/driver/backends.h"
#include "tools/driver/lowering.h"
#include "tools/driver/trainer.h"

namespace gptc::driver {
namespace {

struct Shipped {
  std::string model;
  std::int64_t batch = 1;
  std::int64_t context = 1;
  std::int64_t accumulate = 1;
  ir::DType dtype = ir::DType::f32;  // of products and gradients
};

struct Lowering {
  std::unique_ptr<runtime::Backend> backend = make_backend("onednn", 2);
  ir::Module module;
  std::vector<GraphRequest> requests;
  LoweringOptions options;
};

Lowering lowering_of(const Shipped& shipped) {
  ModelSource source = find_model(models::shipped_models(), shipped.model);
  if (source.config.integer("vocab_size") == 0) source.config.set("vocab_size", std::int64_t{4096});
  TrainerOptions trainer;
  trainer.batch = shipped.batch;
  trainer.context = shipped.context;
  trainer.accumulate = shipped.accumulate;
  trainer.generate = true;
  trainer.compile.grad_dtype = shipped.dtype;
  Lowering lowering;
  lowering.options.dtype = shipped.dtype;
  lowering.options.grad_dtype = shipped.dtype;
  lowering.module = dsl::declare(source.model, source.config, source.seed);
  lowering.requests = Trainer::requests(trainer, Validation::yes, source.context());
  lowering.requests.push_back({"init", "init", {}});
  lowering.options.context = pass_context(*lowering.backend);
  lowering.options.allocated_bytes = allocated_bytes(*lowering.backend);
  return lowering;
}

class ShippedPlan : public ::testing::TestWithParam<Shipped> {};

TEST_P(ShippedPlan, TakesWhatItsScheduleNeeds) {
  Lowering lowering = lowering_of(GetParam());
  for (const PlannedGraph& planned :
       lower_and_plan(lowering.module, lowering.requests, lowering.options)) {
    const passes::GraphMemory memory =
        passes::graph_memory(planned.program, lowering.options.context);
    EXPECT_LE(memory.ratio(), 1.02) << planned.label;
    EXPECT_EQ(memory.parts.total(), memory.arena_bytes) << planned.label;
    EXPECT_GE(memory.parts.unused, 0) << planned.label;
  }
}

std::string name_of(const ::testing::TestParamInfo<Shipped>& info) {
  std::string name =
      fmt::format("{}_{}x{}x{}_{}", info.param.model, info.param.accumulate, info.param.batch,
                  info.param.context, ir::dtype_name(info.param.dtype));
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Models, ShippedPlan,
    ::testing::Values(Shipped{"gpt2-nano", 8, 128}, Shipped{"gpt2-nano", 3, 128, 4},
                      Shipped{"char-mlp", 8, 64}, Shipped{"gpt-config-124m", 4, 256},
                      Shipped{"gpt2", 4, 256}, Shipped{"gpt2", 1, 1024}, Shipped{"gpt2", 8, 1024},
                      Shipped{"gpt2", 4, 64, 4}, Shipped{"gpt2-medium", 2, 256},
                      Shipped{"gpt2-large", 4, 256}, Shipped{"gpt2-xl", 1, 1024},
                      Shipped{"gpt2-xl", 4, 256, 4},
                      Shipped{"gpt2-xl", 1, 256, 1, ir::DType::bf16}),
    name_of);

/// States, arena and library.
std::int64_t peak_of(Lowering& lowering) {
  std::int64_t arena = 0;
  std::int64_t library = 0;
  for (const PlannedGraph& planned :
       lower_and_plan(lowering.module, lowering.requests, lowering.options)) {
    arena = std::max(arena, planned.program.arena_bytes);
    library = std::max(library, planned.allocated_bytes);
  }
  return ir::layout_states(lowering.module).bytes + arena + library;
}

/// 12 bytes a parameter for masters and moments, 2 for gradients; the rest is 1 GiB.
TEST(Plans, Gpt2XlTrainsWithGradientsInBf16) {
  Lowering lowering = lowering_of({"gpt2-xl", 1, 256, 1, ir::DType::bf16});
  EXPECT_LT(peak_of(lowering), std::int64_t{22} << 30);
  lowering = lowering_of({"gpt2-xl", 1, 256, 1, ir::DType::bf16});
  lowering.options.memory_budget = std::int64_t{21} << 30;
  EXPECT_LE(peak_of(lowering), std::int64_t{21} << 30);
}

/// Less memory never takes less time, and what is promised is what is planned.
TEST(Budgets, OfGpt2) {
  Lowering lowering = lowering_of({"gpt2", 4, 256});
  const std::vector<ir::Graph> graphs =
      lower_all(lowering.module, lowering.requests, lowering.options);
  const std::vector<CurvePoint> curve =
      memory_curve(lowering.module, graphs, 0, lowering.options, {});
  ASSERT_GE(curve.size(), 8U);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_LT(curve[i].peak_bytes, curve[i - 1].peak_bytes);
    EXPECT_GT(curve[i].seconds, curve[i - 1].seconds);
  }
  constexpr std::int64_t budget = std::int64_t{2} << 30;
  EXPECT_LE(curve.front().peak_bytes, 2'600'000'000);
  ASSERT_LE(curve.back().peak_bytes, budget);
  lowering = lowering_of({"gpt2", 4, 256});
  lowering.options.memory_budget = budget;
  const std::int64_t peak = peak_of(lowering);
  const auto fits = std::ranges::find_if(
      curve, [](const CurvePoint& point) { return point.peak_bytes <= budget; });
  EXPECT_EQ(peak, fits->peak_bytes);
}

}  // namespace
}  // namespace gptc::driver
