// What every row promises, asked of every case.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "ir/check.h"
#include "tests/ir_ops/cases.h"

namespace gptc::testing {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::OpDef;
using ir::Trait;
using ir::Value;

std::string name_of(const Case& op_case) {
  return fmt::format("{}({})", ir::op_def(op_case.op).name, op_case.operands);
}

TEST(OpRows, EveryOpWithAnInferenceHasACase) {
  for (const ir::OpKind kind : ir::all_ops()) {
    const OpDef& def = ir::op_def(kind);
    const bool cased = std::any_of(op_cases().begin(), op_cases().end(),
                                   [&](const Case& op_case) { return op_case.op == kind; });
    EXPECT_EQ(cased, def.infer != nullptr) << def.name;
  }
}

TEST(OpRows, InferTheTypesOfTheCase) {
  for (const Case& op_case : op_cases()) {
    const Made made = make(op_case);
    EXPECT_EQ(text_of((*made).results), op_case.results) << name_of(op_case);
  }
}

TEST(OpRows, AreCompleteAndInOrder) {
  for (const ir::OpKind kind : ir::all_ops()) {
    const OpDef& def = ir::op_def(kind);
    EXPECT_EQ(def.kind, kind);
    EXPECT_EQ(ir::find_op(def.name), kind);
    EXPECT_FALSE(def.doc.empty()) << def.name;
    for (const ir::AttrSpec& spec : def.attributes) {
      EXPECT_FALSE(spec.doc.empty()) << def.name << '.' << spec.name;
      const auto wanted = static_cast<std::size_t>(spec.kind);
      EXPECT_TRUE(!spec.fallback || spec.fallback->index() == wanted)
          << def.name << '.' << spec.name;
    }
    for (std::size_t i = 1; i < def.operands.size(); ++i) {
      const bool optional_before = def.operands[i - 1].arity != ir::Arity::one;
      EXPECT_FALSE(optional_before && def.operands[i].arity == ir::Arity::one) << def.name;
    }
  }
  EXPECT_EQ(ir::find_op("soft_max"), std::nullopt);
}

TEST(OpRows, TraitsAgreeWithEachOther) {
  for (const ir::OpKind kind : ir::all_ops()) {
    const OpDef& def = ir::op_def(kind);
    if (def.has(Trait::elementwise)) {
      EXPECT_TRUE(def.has(Trait::row_local)) << def.name;
    }
    if (def.has(Trait::broadcasts)) {
      EXPECT_TRUE(def.has(Trait::elementwise)) << def.name;
    }
    if (def.has(Trait::source)) {
      EXPECT_TRUE(def.operands.empty()) << def.name;
    }
    if (def.has(Trait::random)) {
      const auto has_key = [](const ir::AttrSpec& spec) { return spec.name == "rng_key"; };
      EXPECT_TRUE(std::any_of(def.attributes.begin(), def.attributes.end(), has_key)) << def.name;
    }
  }
}

TEST(OpRows, InPlaceResultsHaveTheOperandsType) {
  for (const Case& op_case : op_cases()) {
    const Made made = make(op_case);
    const OpDef& def = ir::op_def(op_case.op);
    for (const ir::InPlace& rule : ir::in_place_rules(*made)) {
      ASSERT_LT(rule.result, (*made).results.size()) << name_of(op_case);
      ASSERT_LT(rule.operand, (*made).operands.size()) << name_of(op_case);
      if (def.has(Trait::broadcasts)) continue;
      EXPECT_EQ((*made).results[rule.result], made.graph.type((*made).operands[rule.operand]))
          << name_of(op_case);
    }
  }
}

TEST(OpRows, WhatComputesThemGivesTheSameType) {
  for (const Case& op_case : op_cases()) {
    const Made made = make(op_case);
    for (const ir::ComputedBy& rule : ir::op_def(op_case.op).computed_by) {
      std::vector<ir::Type> operands = types_of(op_case.operands);
      const OpDef& by = ir::op_def(rule.by);
      // Operands that only the other op has are scalars in all rows so far.
      while (operands.size() < by.operands.size()) operands.push_back(type_of("f32[]"));
      if (operands[0].dtype != ir::DType::f32) continue;
      const auto theirs = ir::infer_types(by, operands, (*made).attrs, nullptr, {});
      EXPECT_EQ(theirs.at(rule.by_result), (*made).results.at(rule.result)) << name_of(op_case);
    }
  }
}

// The same op, with its matrix given in each form, gives values of the same type.
TEST(OpRows, QuantisedMatricesGiveTheSameType) {
  std::size_t rules = 0;
  for (const Case& op_case : op_cases()) {
    const std::optional<ir::Quantise>& rule = ir::op_def(op_case.op).quantise;
    Made made = make(op_case);
    const ir::Node node = *made;
    if (!rule || node.operands.size() > 2) continue;  // epilogues come later
    ASSERT_LT(rule->operand, node.operands.size()) << name_of(op_case);
    const ir::Type matrix = made.graph.type(node.operands[rule->operand]);
    if (matrix.dtype != ir::DType::f32 || matrix.shape.rank() != 2) continue;
    const std::size_t axis = rule->channels(node);
    ASSERT_LT(axis, 2U) << name_of(op_case);
    const ir::Dim channels = matrix.shape[axis];
    const ir::Dim inner = matrix.shape[1 - axis];
    ir::Builder builder(made.graph);
    const Value numbers = made.graph.add_input("q", {ir::DType::i8, {channels, inner}});
    const Value scales = made.graph.add_input("s", {ir::DType::f32, {channels}});
    const Value built = rule->build(builder, node, {.numbers = numbers, .scales = scales});
    EXPECT_EQ(made.graph.type(built), node.results[0]) << name_of(op_case);
    ++rules;
  }
  EXPECT_GE(rules, 2U);
}

TEST(OpRows, AMatmulInGroupsReadsATransposedOperandToo) {
  Made made = make({ir::OpKind::matmul, "f32[2x64x3] f32[64x5]", {{"transpose_a", true}}, ""});
  const ir::Node node = *made;
  ir::Builder builder(made.graph);
  const Value numbers = made.graph.add_input("q", {ir::DType::i8, {5, 32}});
  const Value scales = made.graph.add_input("s", {ir::DType::f32, {5, 2}});
  const Value built =
      ir::op_def(ir::OpKind::matmul).quantise.value().build(builder, node, {numbers, scales, true});
  EXPECT_EQ(made.graph.type(built), node.results[0]);
}

/// Replaces composite nodes until there is none; the outputs keep naming the results.
void decompose_all(Graph& graph) {
  ir::Builder builder(graph);
  for (std::uint32_t i = 0; i < graph.slots(); ++i) {
    const ir::Node node = graph[NodeId{i}];
    const OpDef& def = ir::op_def(node);
    if (def.decompose == nullptr) continue;
    const std::vector<Value> values = def.decompose(builder, node, node.operands);
    if (values.empty()) continue;
    ASSERT_EQ(values.size(), node.results.size()) << def.name;
    for (std::uint32_t r = 0; r < values.size(); ++r) {
      ASSERT_EQ(graph.type(values[r]), node.results[r]) << def.name << " result " << r;
      graph.replace_uses({NodeId{i}, r}, values[r]);
    }
    graph.erase(NodeId{i});
    ASSERT_LT(graph.slots(), 1000U) << def.name << " never ends";
  }
}

TEST(OpRows, DecomposeToCoreOpsOfTheSameTypes) {
  std::set<std::string_view> decomposed;
  for (const Case& op_case : op_cases()) {
    if (ir::op_def(op_case.op).decompose == nullptr) continue;
    Made made = make(op_case);
    if ((*made).kind == ir::OpKind::matmul && (*made).operands.size() == 2) continue;
    for (std::uint32_t r = 0; r < (*made).results.size(); ++r) {
      made.graph.outputs().push_back({"r" + std::to_string(r), {made.node, r}});
    }
    SCOPED_TRACE(name_of(op_case));
    decompose_all(made.graph);
    ASSERT_FALSE(made.graph.alive(made.node));
    decomposed.insert(ir::op_def(op_case.op).name);
    EXPECT_EQ(text_of(types_of(op_case.results)), [&] {
      std::vector<ir::Type> types;
      for (const ir::Output& output : made.graph.outputs()) {
        types.push_back(made.graph.type(output.value));
      }
      return text_of(types);
    }());
  }
  const std::set<std::string_view> composites = {"gelu_with_grad",
                                                 "sum_squares",
                                                 "matmul",
                                                 "softmax",
                                                 "layer_norm",
                                                 "layer_norm_grad",
                                                 "layer_norm_param_grad",
                                                 "cross_entropy",
                                                 "cross_entropy_grad",
                                                 "linear_cross_entropy",
                                                 "linear_cross_entropy_grad",
                                                 "attention",
                                                 "attention_grad",
                                                 "cached_attention",
                                                 "matmul_i4",
                                                 "row_fused"};
  EXPECT_EQ(decomposed, composites);
}

TEST(OpRows, ABareMatmulIsCore) {
  Made made = make({ir::OpKind::matmul, "f32[2x3] f32[3x4]", {}, "f32[2x4]"});
  ir::Builder builder(made.graph);
  EXPECT_TRUE(ir::op_def(*made).decompose(builder, *made, (*made).operands).empty());
}

TEST(OpRows, GradientsHaveTheOperandsTypes) {
  std::set<std::string_view> differentiated;
  for (const Case& op_case : op_cases()) {
    const OpDef& def = ir::op_def(op_case.op);
    if (def.vjp == nullptr || op_case.attrs.find("epilogue") != nullptr) continue;
    Made made = make(op_case);
    SCOPED_TRACE(name_of(op_case));
    std::vector<std::optional<Value>> grads((*made).results.size());
    grads[0] = made.graph.add_input("dy", (*made).results[0]);
    ir::Builder builder(made.graph);
    const auto made_grads = def.vjp({builder, made.graph, made.node, grads});
    const std::vector<Value> operands = (*made).operands;
    ASSERT_EQ(made_grads.size(), operands.size());
    differentiated.insert(def.name);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (!made_grads[i]) continue;
      const ir::Type wanted = made.graph.type(operands[i]);
      const Value gradient = def.has(Trait::broadcasts)
                                 ? builder.sum_to_shape(*made_grads[i], wanted.shape)
                                 : *made_grads[i];
      EXPECT_EQ(made.graph.type(gradient).text(), wanted.text()) << "operand " << i;
    }
    // A float operand has a gradient unless the op is flat.
    const bool flows =
        ir::is_float(made.graph.type(operands[0]).dtype) && def.kind != ir::OpKind::step;
    EXPECT_EQ(made_grads[0].has_value(), flows);
  }
  for (const ir::OpKind kind : ir::all_ops()) {
    const OpDef& def = ir::op_def(kind);
    EXPECT_EQ(differentiated.contains(def.name), def.vjp != nullptr) << def.name;
  }
}

TEST(OpRows, GradientsOfStatisticsReachX) {
  Made made = make({ir::OpKind::layer_norm, "f32[2x3x8] f32[8] f32[8]", {}, ""});
  std::vector<std::optional<Value>> grads(3);
  grads[1] = made.graph.add_input("dmean", type_of("f32[2x3]"));
  grads[2] = made.graph.add_input("drstd", type_of("f32[2x3]"));
  ir::Builder builder(made.graph);
  const auto made_grads = ir::op_def(*made).vjp({builder, made.graph, made.node, grads});
  ASSERT_TRUE(made_grads[0].has_value());
  EXPECT_EQ(made.graph.type(*made_grads[0]).text(), "f32[2x3x8]");
  EXPECT_FALSE(made_grads[1].has_value());
}

TEST(OpRows, MatmulGradientsInsertNoTranspose) {
  for (const Case& op_case : op_cases()) {
    const std::vector<ir::Type> types = types_of(op_case.operands);
    if (op_case.op != ir::OpKind::matmul || types.size() > 2) continue;
    const bool one_right_of_many = types[0].shape.rank() > types[1].shape.rank();
    if (one_right_of_many && op_case.attrs.flag("transpose_a")) continue;
    Made made = make(op_case);
    const std::vector<std::optional<Value>> grads = {
        made.graph.add_input("dy", (*made).results[0])};
    ir::Builder builder(made.graph);
    ir::op_def(*made).vjp({builder, made.graph, made.node, grads});
    for (const NodeId id : made.graph.nodes()) {
      EXPECT_NE(made.graph[id].kind, ir::OpKind::transpose) << name_of(op_case);
    }
  }
}

TEST(OpRows, OnlyWhatFollowsDifferentiationHasNoGradient) {
  const std::set<std::string_view> without = {"input",
                                              "state",
                                              "constant",
                                              "random_normal",
                                              "random_uniform",  // nothing to pass it to
                                              "token_count",
                                              "clip_scale",
                                              "adamw",
                                              "gelu_with_grad",
                                              "row_fused",  // through the decomposition
                                              "layer_norm_grad",
                                              "layer_norm_param_grad",
                                              "embedding_grad",
                                              "scatter_add",
                                              "pick_grad",
                                              "cross_entropy_grad",
                                              "linear_cross_entropy_grad",
                                              "attention_grad",
                                              "positions",  // only decoding reads caches,
                                              "cache_write",
                                              "cache_read",
                                              "cached_attention",
                                              "unpack_i4",  // and stored weights do not train
                                              "matmul_i4"};
  for (const ir::OpKind kind : ir::all_ops()) {
    const OpDef& def = ir::op_def(kind);
    EXPECT_EQ(without.contains(def.name), def.vjp == nullptr) << def.name;
  }
}

bool is_concrete(const Graph& graph) {
  for (const NodeId id : graph.nodes()) {
    for (const ir::Type& type : graph[id].results) {
      if (!type.shape.is_concrete()) return false;
    }
  }
  return true;
}

TEST(OpRows, ConcreteCasesHaveCosts) {
  for (const Case& op_case : op_cases()) {
    const Made made = make(op_case);
    if (!is_concrete(made.graph)) continue;
    EXPECT_GE(ir::flops(made.graph, made.node), 0) << name_of(op_case);
    const bool view = ir::op_def(*made).has(Trait::view);
    EXPECT_EQ(ir::bytes(made.graph, made.node) > 0, !view) << name_of(op_case);
  }
}

}  // namespace
}  // namespace gptc::testing
