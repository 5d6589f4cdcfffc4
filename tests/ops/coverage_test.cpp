// No op may be forgotten: cases, gradients, refusals, kernels.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "backends/onednn/backend.h"
#include "backends/reference/kernel.h"
#include "ir/op_def.h"
#include "tests/ops/families.h"
#include "tests/support/modes.h"
#include "tests/support/op_graph.h"

namespace gptc::testing {

namespace {

std::vector<OpCase> all_cases() {
  std::vector<OpCase> cases;
#define FAMILY(name) cases.insert(cases.end(), name##_cases().begin(), name##_cases().end());
#include "tests/ops/families.def"
#undef FAMILY
  return cases;
}

std::vector<Rejection> all_rejections() {
  std::vector<Rejection> rejections;
#define FAMILY(name) \
  rejections.insert(rejections.end(), name##_rejections().begin(), name##_rejections().end());
#include "tests/ops/families.def"
#undef FAMILY
  return rejections;
}

bool comes_from_outside(ir::OpKind kind) {
  return kind == ir::OpKind::input || kind == ir::OpKind::state;
}

/// Names of the ops for which `lacks` says yes.
std::string ops_where(const std::function<bool(const ir::OpDef&)>& lacks) {
  std::string names;
  for (const ir::OpKind kind : ir::all_ops())
    if (!comes_from_outside(kind) && lacks(ir::op_def(kind)))
      names += (names.empty() ? "" : " ") + std::string(ir::op_def(kind).name);
  return names;
}

bool has_mode(const std::vector<ModeRun>& runs, ir::OpKind kind, std::string_view mode) {
  return std::any_of(runs.begin(), runs.end(), [&](const ModeRun& run) {
    return run.op_case->op == kind && run.mode.starts_with(mode);
  });
}

class OpCoverage : public ::testing::Test {
 protected:
  static std::unique_ptr<runtime::Backend> make(int threads) {
    return onednn::make_backend({.threads = threads});
  }
  const std::vector<OpCase> cases_ = all_cases();
  const std::vector<ModeRun> runs_ = modes_of(cases_, make);
};

TEST_F(OpCoverage, EveryOpHasACase) {
  EXPECT_EQ(
      ops_where([&](const ir::OpDef& def) { return !has_mode(runs_, def.kind, "inference"); }), "");
}

TEST_F(OpCoverage, EveryGradientRuleIsChecked) {
  EXPECT_EQ(ops_where([&](const ir::OpDef& def) {
              return def.vjp != nullptr && !has_mode(runs_, def.kind, "gradient");
            }),
            "");
}

TEST_F(OpCoverage, EveryDecompositionIsChecked) {
  EXPECT_EQ(ops_where([&](const ir::OpDef& def) {
              return def.decompose != nullptr && !has_mode(runs_, def.kind, "decomposition");
            }),
            "");
}

TEST_F(OpCoverage, EveryCompositeHasALoopOfItsOwnInTheReference) {
  EXPECT_EQ(ops_where([](const ir::OpDef& def) {
              return def.kind != ir::OpKind::row_fused &&
                     reference::find_kernel<double>(def.kind) == nullptr;
            }),
            "");
}

TEST_F(OpCoverage, EveryCoreOpHasAFastKernel) {
  const auto is_core = [](const ir::OpDef& def) {
    return def.decompose == nullptr || def.kind == ir::OpKind::matmul;
  };
  EXPECT_EQ(ops_where([&](const ir::OpDef& def) {
              return is_core(def) && !has_mode(runs_, def.kind, "onednn");
            }),
            "");
}

TEST_F(OpCoverage, EveryOpRefusesSomething) {
  const std::vector<Rejection> rejections = all_rejections();
  EXPECT_EQ(ops_where([&](const ir::OpDef& def) {
              return std::none_of(
                  rejections.begin(), rejections.end(),
                  [&](const Rejection& rejection) { return rejection.op == def.kind; });
            }),
            "");
}

}  // namespace

}  // namespace gptc::testing
