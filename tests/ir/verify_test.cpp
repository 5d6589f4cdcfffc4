// The verifier catches each thing that a pass may break.
#include "ir/verify.h"

#include <gtest/gtest.h>

#include <limits>

#include "ir/builder.h"
#include "ir/parse.h"
#include "tests/ir/expect_error.h"
#include "tests/ir/samples.h"

namespace gptc::ir {
namespace {

using testing::contains;
using testing::error_of;

NodeId first(const Graph& graph, OpKind kind) {
  for (const NodeId id : graph.nodes()) {
    if (graph[id].kind == kind) return id;
  }
  throw std::logic_error("the sample has no such node");
}

/// What verify says about the sample after `change` to the graph `forward`.
template <class Change>
std::string said(const Change& change) {
  Module module = parse(testing::full_module);
  verify(module);
  change(module.graph("forward"));
  return error_of<InternalError>([&] { verify(module); });
}

TEST(Verify, ResultTypes) {
  const std::string error = said([](Graph& graph) {
    graph.set_result_type(first(graph, OpKind::embedding), 0, {DType::f32, {1}});
  });
  EXPECT_TRUE(contains(error, "forward: node "));
  EXPECT_TRUE(contains(error, "(embedding) in scope 'wte': stored types differ"));
}

TEST(Verify, OperandTypes) {
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         const NodeId norm = first(graph, OpKind::layer_norm);
                         graph.set_operand(norm, 1, graph[norm].operands[0]);
                       }),
                       "layer_norm: "));
}

TEST(Verify, Attributes) {
  const auto with = [](AttrValue value, const char* name) {
    return said([&](Graph& graph) {
      graph.set_attr(first(graph, OpKind::layer_norm), name, std::move(value));
    });
  };
  EXPECT_TRUE(contains(with(true, "eps"), "attribute 'eps' must be a number"));
  EXPECT_TRUE(contains(with(1.0, "epsilon"), "attributes must be among: eps"));
  EXPECT_TRUE(contains(with(std::numeric_limits<double>::quiet_NaN(), "eps"), "layer_norm"));
  EXPECT_TRUE(contains(with(std::int64_t{1}, "eps"), "attributes"));  // not in the row's kind
}

TEST(Verify, Cycles) {
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         const NodeId norm = first(graph, OpKind::layer_norm);
                         graph.set_operand(norm, 0, {norm, 0});
                       }),
                       "cycle"));
}

TEST(Verify, RandomKeysAreNewAlsoInBodies) {
  const auto duplicate = [](Graph& graph, const std::string& scope, double p) {
    Builder builder(graph);
    Node node = graph[first(graph, OpKind::dropout)];
    node.attrs.set("p", p);
    node.origin.scope = scope;
    return builder.clone(node, node.operands);
  };
  EXPECT_TRUE(contains(said([&](Graph& graph) { duplicate(graph, "other", 0.1); }), "rng_key"));
  EXPECT_EQ(said([&](Graph& graph) { duplicate(graph, "drop/grad", 0.1); }), "nothing was thrown");
  EXPECT_EQ(said([&](Graph& graph) { duplicate(graph, "other", 0.0); }), "nothing was thrown");
  EXPECT_TRUE(contains(said([&](Graph& graph) {
                         const NodeId copy = duplicate(graph, "other/grad", 0.1);
                         const Node node = graph[copy];
                         auto body = std::make_shared<Graph>("body");
                         Builder inner(*body);
                         const Value x = body->add_input("x", graph.type(node.operands[0]));
                         const Value n = body->add_input("n", graph.type(node.operands[1]));
                         Node drop = node;
                         drop.origin.scope = "other";
                         body->outputs().push_back({"r", {inner.clone(drop, {x, n}), 0}});
                         Builder(graph).node(OpKind::row_fused, node.operands, {}, body);
                       }),
                       "rng_key"));
}

TEST(Verify, Names) {
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         graph.add_input("1x", {DType::f32, {}});
                       }),
                       "'1x' is not a new, valid name"));
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         graph.add_input("wte", {DType::f32, {}});
                       }),
                       "'wte' is not a new, valid name"));
  EXPECT_TRUE(contains(said([](Graph& graph) { graph.outputs()[1].name = "logits"; }),
                       "output name 'logits'"));
  EXPECT_TRUE(contains(said([](Graph& graph) { graph.outputs()[1].name = "a b"; }), "'a b'"));
  EXPECT_TRUE(contains(said([](Graph& graph) { graph.set_name("a b"); }), "'a b'"));
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         graph.set_origin(first(graph, OpKind::embedding), {"a b", "", 0});
                       }),
                       "scope"));
}

TEST(Verify, StatesAreDeclaredWithTheirType) {
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         graph.state("new", {DType::f32, {}});
                       }),
                       "state 'new' is not declared with type f32[]"));
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         const Value table = *graph.find_state("wte");
                         graph.set_result_type(table.node, 0, {DType::f32, {8, 4}});
                       }),
                       "state 'wte' is not declared with type f32[8x4]"));
}

TEST(Verify, Updates) {
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         graph.updates().push_back({"b.1", *graph.find_output("logits")});
                       }),
                       "the update of 'b.1' has type f32[BxTx7]"));
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         graph.updates().push_back({"c", *graph.find_output("loss")});
                       }),
                       "the update of 'c'"));
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         for (int i = 0; i < 2; ++i) {
                           graph.updates().push_back({"b.1", *graph.find_state("b.1")});
                         }
                       }),
                       "'b.1' is updated twice"));
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         graph.updates().push_back({"b.1", {{99}, 0}});
                       }),
                       "value that does not exist"));
}

TEST(Verify, Outputs) {
  EXPECT_TRUE(contains(said([](Graph& graph) { graph.outputs()[0].value.result = 1; }),
                       "output logits uses a value that does not exist"));
}

TEST(Verify, Bodies) {
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         const NodeId fused = first(graph, OpKind::row_fused);
                         Graph body = *graph[fused].body;
                         body.set_result_type(first(body, OpKind::mul), 0, {DType::f32, {}});
                         graph.set_body(fused, std::make_shared<const Graph>(std::move(body)));
                       }),
                       "body: node "));
  EXPECT_TRUE(
      contains(said([](Graph& graph) { graph.set_body(first(graph, OpKind::row_fused), nullptr); }),
               "row_fused: "));
}

TEST(Verify, InputsAreArguments) {
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         Node node{.kind = OpKind::input, .results = {{DType::f32, {}}}};
                         node.attrs.set("name", std::string("stray"));
                         graph.add_node(std::move(node));
                       }),
                       "not among the graph's inputs"));
}

TEST(Verify, SizesOfStatesAndInputs) {
  EXPECT_TRUE(contains(said([](Graph& graph) {
                         graph.add_input("z", {DType::f32, {0}});
                       }),
                       "sizes must be at least 1"));
  Module module("m");
  module.add_state({.name = "w", .type = {DType::f32, {std::numeric_limits<std::int64_t>::max()}}});
  EXPECT_TRUE(contains(error_of<InternalError>([&] { verify(module); }), "63 bits"));
}

TEST(Verify, TextOfWhatItAccepts) {
  Module module = parse(testing::full_module);
  Graph& graph = module.graph("forward");
  graph.set_origin(first(graph, OpKind::embedding), {"", "a \"b\" \\ c.cpp", 3});
  verify_text(module);
}

}  // namespace
}  // namespace gptc::ir
