// Memory plans: what the planner shares, that its plans of random models hold, and that the checker
// sees each way to break one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "passes/liveness.h"
#include "tests/passes_memory/planned.h"
#include "tests/support/random_values.h"

namespace gptc::testing {
namespace {

using ir::OpKind;
using ir::Placement;
using ir::Value;
using Space = Placement::Space;

constexpr std::string_view chain = R"(module @m {
  state %w : f32[32] {init = constant(1.0), train}
  state %other : f32[32] {init = constant(1.0)}
  graph @g(%x: f32[32], %y: f32[32]) {
    %0 = add(%x, %y) : f32[32]
    %1 = exp(%0) : f32[32]
    %2 = reshape(%1) {shape = [4x8]} : f32[4x8]
    %3 = matmul(%2, %2) {transpose_b = true} : f32[4x4]
    %4 = mul(%1, %w) : f32[32]
    %5, %6, %7 = layer_norm(%2, %8, %8) : f32[4x8], f32[4], f32[4]
    update %w = %4
    return a = %3, b = %5
  }
}
)";

std::string chain_text() {
  std::string text(chain);
  const std::string use = "%8, %8";
  text.replace(text.find(use), use.size(), "%g, %g");
  text.replace(text.find("%y: f32[32]"), 11, "%y: f32[32], %g: f32[8]");
  return text;
}

TEST(Plan, SharesWhatItMay) {
  Planned p = planned(chain_text());
  const Placement sum = p.place({p.node(OpKind::add), 0});
  const Placement exponential = p.place({p.node(OpKind::exp), 0});
  const Placement view = p.place({p.node(OpKind::reshape), 0});
  const Placement product = p.place({p.node(OpKind::mul), 0});
  const Placement scratch = p.program.workspaces[p.node(OpKind::matmul).index];
  EXPECT_EQ(exponential.offset, sum.offset);  // in place
  EXPECT_EQ(view.offset, exponential.offset);
  EXPECT_EQ(product.space, Space::state);  // the update is computed where the state lies
  EXPECT_EQ(product.offset, 0);
  EXPECT_EQ(scratch.space, Space::arena);
  EXPECT_EQ(scratch.bytes, 100);
  EXPECT_EQ(p.place({p.node(OpKind::layer_norm), 2}).space, Space::none);  // nobody reads it
  EXPECT_GE(p.program.arena_bytes, p.program.lower_bound_bytes);
}

constexpr std::string_view sum_of_products = R"(module @m {
  state %sum : f32[4x4] {init = constant(0.0)}
  graph @g(%x: f32[4x4], %y: f32[4x4]) {
    %0 = exp(%x) : f32[4x4]
    %1 = matmul(%x, %y, %0, %0) {epilogue = ["mul", "add"]} : f32[4x4]
    %2 = exp(%y) : f32[4x4]
    %3 = matmul(%x, %y, %2) {epilogue = ["add"]} : f32[4x4]
    %4 = exp(%x) : f32[4x4]
    %5 = matmul(%x, %y, %4) {epilogue = ["mul"]} : f32[4x4]
    %6 = matmul(%x, %y, %sum) {epilogue = ["add"]} : f32[4x4]
    update %sum = %6
    return a = %1, b = %3, c = %5
  }
}
)";

/// Only where the epilogue ends with it, and reads it there alone.
TEST(Plan, ProductsLieOverWhatTheyAreAddedTo) {
  Planned p = planned(std::string(sum_of_products));
  std::vector<ir::NodeId> products;
  for (const ir::NodeId id : p.program.graph.nodes()) {
    if (p.program.graph[id].kind == OpKind::matmul) products.push_back(id);
  }
  ASSERT_EQ(products.size(), 4U);
  const auto over_last = [&](std::size_t i) {
    const Placement at = p.place({products[i], 0});
    const Placement from = p.place(p.program.graph[products[i]].operands.back());
    return at.space == from.space && at.offset == from.offset;
  };
  EXPECT_FALSE(over_last(0));
  EXPECT_TRUE(over_last(1));
  EXPECT_FALSE(over_last(2));
  EXPECT_TRUE(over_last(3));
  EXPECT_EQ(p.place({products[3], 0}).space, Space::state);
}

TEST(Plan, StatesMayExchangeValues) {
  const Planned p = planned(R"(module @m {
    state %a : f32[4] {init = constant(0.0)}
    state %b : f32[4] {init = constant(1.0)}
    graph @g(%x: f32[4]) {
      update %a = %b
      update %b = %a
      return y = %x
    }
  })");
  EXPECT_EQ(complaint(p), "");
}

TEST(Plan, OldValuesAreReadBeforeTheUpdate) {
  // exp reads the state behind the node that makes its new value: that is not put in place.
  Planned p = planned(R"(module @m {
    state %a : f32[4] {init = constant(0.0)}
    graph @g(%x: f32[4]) {
      %0 = add(%a, %x) : f32[4]
      %1 = exp(%a) : f32[4]
      update %a = %0
      return y = %1
    }
  })");
  EXPECT_EQ(p.place({p.node(OpKind::add), 0}).space, Space::arena);
}

TEST(Plan, ThroughAViewOfAState) {
  Planned p = planned(R"(module @m {
    state %a : f32[4] {init = constant(0.0)}
    graph @g(%x: f32[4]) {
      %0 = reshape(%a) {shape = [2x2]} : f32[2x2]
      %1 = add(%a, %x) : f32[4]
      %2 = exp(%0) : f32[2x2]
      update %a = %1
      return y = %2
    }
  })");
  EXPECT_EQ(p.place({p.node(OpKind::add), 0}).space, Space::arena);
}

TEST(Plan, OneValueForTwoStates) {
  const Planned p = planned(R"(module @m {
    state %a : f32[4] {init = constant(0.0)}
    state %b : f32[4] {init = constant(1.0)}
    graph @g(%x: f32[4]) {
      %0 = exp(%x) : f32[4]
      update %a = %0
      update %b = %0
      return y = %0
    }
  })");
  EXPECT_EQ(complaint(p), "");
}

struct Mistake {
  const char* name;
  void (*make)(Planned& plan);
  const char* said;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class WrongPlan : public ::testing::TestWithParam<Mistake> {};

TEST_P(WrongPlan, IsSeen) {
  Planned p = planned(chain_text());
  ASSERT_EQ(complaint(p), "");
  GetParam().make(p);
  EXPECT_NE(complaint(p).find(GetParam().said), std::string::npos) << complaint(p);
}

const Mistake mistakes[] = {
    {"two_live_values_at_one_place",
     [](Planned& p) {
       p.place({p.node(OpKind::matmul), 0}).offset = p.place({p.node(OpKind::exp), 0}).offset;
     },
     "overwrites operand 0"},
    {"later_result_over_an_output",
     [](Planned& p) {
       p.place({p.node(OpKind::layer_norm), 1}) = p.place({p.node(OpKind::matmul), 0});
     },
     "output a reads bytes"},
    {"input_over_input",
     [](Planned& p) {
       p.place(*p.program.graph.find_input("x")) = p.place(*p.program.graph.find_input("y"));
     },
     "that another has overwritten"},
    {"unaligned",
     [](Planned& p) {
       p.place({p.node(OpKind::matmul), 0}).offset += 4;
     },
     "lies outside its memory"},
    {"behind_the_arena",
     [](Planned& p) {
       p.place({p.node(OpKind::layer_norm), 0}).offset = p.program.arena_bytes / 64 * 64;
     },
     "lies outside its memory"},
    {"before_the_arena",
     [](Planned& p) {
       p.place({p.node(OpKind::matmul), 0}).offset = -64;
     },
     "lies outside its memory"},
    {"too_few_bytes",
     [](Planned& p) {
       p.place({p.node(OpKind::matmul), 0}).bytes -= 4;
     },
     "has too few bytes"},
    {"nowhere",
     [](Planned& p) {
       p.place({p.node(OpKind::exp), 0}) = {};
     },
     "reads bytes"},
    {"view_elsewhere",
     [](Planned& p) {
       Placement& view = p.place({p.node(OpKind::reshape), 0});
       view.offset = view.offset == 0 ? 64 : 0;
     },
     "is no view of its operand"},
    {"scratch_over_an_operand",
     [](Planned& p) {
       p.program.workspaces[p.node(OpKind::matmul).index].offset =
           p.place({p.node(OpKind::exp), 0}).offset;
     },
     "the scratch of node"},
    {"in_place_where_the_row_forbids",
     [](Planned& p) {
       p.place({p.node(OpKind::matmul), 0}).offset = p.place({p.node(OpKind::reshape), 0}).offset;
     },
     "overwrites operand"},
    {"into_another_state",
     [](Planned& p) {
       p.place({p.node(OpKind::mul), 0}).offset = 128;
     },
     "state 'other' holds"},
    {"a_value_in_a_state",
     [](Planned& p) {
       p.place({p.node(OpKind::layer_norm), 1}) = {Space::state, 128, 16};
     },
     "state 'other' holds"},
};

std::string test_name(const ::testing::TestParamInfo<Mistake>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(CheckPlan, WrongPlan, ::testing::ValuesIn(mistakes), test_name);

/// plan_memory checks its own plans; so this plans, and then looks at waste and at shifted buffers.
TEST(Plan, OfRandomModels) {
  double waste = 0;
  int plans = 0;
  int seen = 0;
  int shifted = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    for (const char* graph : {"train", "micro_step", "eval", "logits", "apply"}) {
      Planned p = planned_model(seed, graph);
      waste += static_cast<double>(p.program.arena_bytes) /
                   static_cast<double>(p.program.lower_bound_bytes) -
               1;
      ++plans;
      // Any result moved onto the place of another that lives at the same time.
      const auto lives = passes::liveness(p.program.graph);
      Random random(fmt::format("shift {}", seed));
      const auto slots = static_cast<std::int64_t>(p.program.graph.slots());
      const auto any = [&] { return static_cast<std::uint32_t>(random.integer(0, slots - 1)); };
      const Value one{{any()}, 0};
      const Value two{{any()}, 0};
      const passes::Lifetime& a = lives[one.node.index][0];
      const passes::Lifetime& b = lives[two.node.index][0];
      const bool clash = a.used && b.used && a.begin < b.end && b.begin < a.end &&
                         p.place(one).space == Space::arena && p.place(two).space == Space::arena &&
                         p.place(one).offset != p.place(two).offset;
      if (!clash) continue;
      ++shifted;
      p.place(one).offset = p.place(two).offset;
      if (!complaint(p).empty()) ++seen;
    }
  }
  EXPECT_LT(waste / plans, 0.05);
  EXPECT_GT(shifted, 20);
  EXPECT_EQ(seen, shifted);
}

}  // namespace
}  // namespace gptc::testing
