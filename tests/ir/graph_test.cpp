// The graph: edges follow operands, uses come in order, ids are dense after compact().
#include "ir/graph.h"

#include <gtest/gtest.h>

#include "ir/builder.h"
#include "ir/graph_algo.h"
#include "tests/ir/expect_error.h"

namespace gptc::ir {
namespace {

using testing::contains;
using testing::error_of;

const Type vec{DType::f32, {4}};

struct Diamond {
  Graph graph{"g"};
  Builder builder{graph};
  Value x = graph.add_input("x", vec);
  Value y = graph.add_input("y", vec);
  Value sum = builder.add(x, y);
  Value square = builder.mul(sum, sum);  // parallel edges
  Value out = builder.sub(square, x);
  Diamond() { graph.outputs().push_back({"r", out}); }
};

std::vector<std::pair<std::uint32_t, std::size_t>> pairs(const std::vector<Use>& uses) {
  std::vector<std::pair<std::uint32_t, std::size_t>> result;
  for (const Use& use : uses) result.emplace_back(use.node.index, use.operand);
  return result;
}

using Pairs = std::vector<std::pair<std::uint32_t, std::size_t>>;

TEST(Graph, UsesAreOrderedAndParallelEdgesCountTwice) {
  const Diamond d;
  EXPECT_EQ(pairs(d.graph.uses(d.sum)), (Pairs{{3, 0}, {3, 1}}));
  EXPECT_EQ(pairs(d.graph.uses(d.x)), (Pairs{{2, 0}, {4, 1}}));
  EXPECT_EQ(d.graph.use_count(d.out), 1U);  // the output
  EXPECT_TRUE(d.graph.has_uses(d.out.node));
  EXPECT_TRUE(d.graph.edges_match_operands());
}

TEST(Graph, OneOfTwoParallelEdgesMoves) {
  Diamond d;
  d.graph.set_operand(d.square.node, 1, d.y);
  EXPECT_EQ(d.graph[d.square.node].operands, (std::vector<Value>{d.sum, d.y}));
  EXPECT_EQ(pairs(d.graph.uses(d.sum)), (Pairs{{3, 0}}));
  EXPECT_EQ(pairs(d.graph.uses(d.y)), (Pairs{{2, 1}, {3, 1}}));
  d.graph.set_operand(d.square.node, 0, d.y);
  EXPECT_EQ(pairs(d.graph.uses(d.y)), (Pairs{{2, 1}, {3, 0}, {3, 1}}));
  EXPECT_TRUE(d.graph.edges_match_operands());
}

TEST(Graph, ReplaceUsesReachesOperandsOutputsAndUpdates) {
  Diamond d;
  d.graph.updates().push_back({"s", d.out});
  d.graph.replace_uses(d.out, d.sum);
  d.graph.replace_uses(d.sum, d.y);
  EXPECT_EQ(d.graph.outputs()[0].value, d.y);
  EXPECT_EQ(d.graph.updates()[0].value, d.y);
  EXPECT_EQ(pairs(d.graph.uses(d.y)), (Pairs{{2, 1}, {3, 0}, {3, 1}}));
  EXPECT_FALSE(d.graph.has_uses(d.out.node));
  EXPECT_EQ(d.graph.use_count(d.y), 5U);
  EXPECT_TRUE(d.graph.edges_match_operands());
  d.graph.replace_uses(d.y, d.y);
  EXPECT_EQ(d.graph.use_count(d.y), 5U);
}

TEST(Graph, EraseNeedsAFreeNodeAndForgetsInputsAndStates) {
  Diamond d;
  EXPECT_TRUE(contains(error_of<InternalError>([&] { d.graph.erase(d.sum.node); }), "still used"));
  EXPECT_TRUE(contains(error_of<InternalError>([&] { d.graph.erase(d.out.node); }), "still used"));
  d.graph.outputs().clear();
  for (const Value value : {d.out, d.square, d.sum, d.y}) d.graph.erase(value.node);
  EXPECT_EQ(d.graph.inputs(), std::vector<NodeId>{d.x.node});
  EXPECT_EQ(d.graph.nodes(), std::vector<NodeId>{d.x.node});
  EXPECT_FALSE(d.graph.find_input("y").has_value());
  EXPECT_TRUE(contains(error_of<InternalError>([&] { d.graph.erase(d.y.node); }), "no node"));

  const Value state = d.graph.state("s", vec);
  EXPECT_EQ(d.graph.state("s", vec), state);
  d.graph.erase(state.node);
  EXPECT_FALSE(d.graph.find_state("s").has_value());
  EXPECT_NE(d.graph.state("s", vec), state);
}

TEST(Graph, CompactClosesHolesAndKeepsEverything) {
  Diamond d;
  const Value dead = d.builder.exp(d.x);
  const Value state = d.graph.state("s", vec);
  const Value late = d.builder.add(d.out, state);
  d.graph.updates().push_back({"s", late});
  d.graph.erase(dead.node);
  d.graph.compact();
  EXPECT_EQ(d.graph.slots(), 7U);
  EXPECT_EQ(d.graph.nodes().size(), 7U);
  EXPECT_EQ(d.graph.name(), "g");
  EXPECT_TRUE(d.graph.edges_match_operands());
  EXPECT_EQ(d.graph.node(*d.graph.find_input("y")).kind, OpKind::input);
  EXPECT_EQ(d.graph.node(*d.graph.find_state("s")).kind, OpKind::state);
  EXPECT_EQ(d.graph.node(d.graph.updates()[0].value).operands[1], *d.graph.find_state("s"));
  EXPECT_EQ(d.graph.node(*d.graph.find_output("r")).kind, OpKind::sub);
}

TEST(Graph, CompactTakesAnOrder) {
  Diamond d;
  const std::vector<NodeId> order = {d.y.node, d.x.node, d.sum.node, d.square.node, d.out.node};
  d.graph.compact(order);
  EXPECT_EQ(d.graph.find_input("y")->node.index, 0U);
  EXPECT_EQ(d.graph.inputs(), (std::vector<NodeId>{{1}, {0}}));  // the call order stays
  EXPECT_EQ(d.graph[{2}].operands, (std::vector<Value>{{{1}, 0}, {{0}, 0}}));
  EXPECT_TRUE(d.graph.edges_match_operands());
  const std::vector<NodeId> short_order = {{0}};
  EXPECT_TRUE(contains(error_of<InternalError>([&] { d.graph.compact(short_order); }), "compact"));
  const std::vector<NodeId> twice = {{0}, {1}, {2}, {2}, {4}};
  EXPECT_TRUE(contains(error_of<InternalError>([&] { d.graph.compact(twice); }), "compact"));
}

TEST(Graph, ValuesThatDoNotExistAreRefused) {
  Diamond d;
  EXPECT_THROW(d.graph.set_operand(d.out.node, 2, d.x), InternalError);
  EXPECT_THROW(d.graph.set_operand(d.out.node, 0, {d.x.node, 1}), InternalError);
  EXPECT_THROW(d.graph.set_operand(d.out.node, 0, {{99}, 0}), InternalError);
  EXPECT_THROW(static_cast<void>(d.graph.uses({{99}, 0})), InternalError);
  EXPECT_THROW(static_cast<void>(d.graph.type({d.x.node, 1})), InternalError);
  EXPECT_THROW(static_cast<void>(d.graph.node(NodeId{99})), InternalError);
  EXPECT_THROW(d.graph.add_node({.kind = OpKind::neg, .operands = {{{99}, 0}}}), InternalError);
  EXPECT_TRUE(d.graph.edges_match_operands());
}

/// After a refusal the graph is as before: its structure has no vertex without a node.
TEST(Graph, ARefusedNodeLeavesNoTrace) {
  Diamond d;
  EXPECT_THROW(d.graph.add_node({.kind = OpKind::neg, .operands = {{{99}, 0}}}), InternalError);
  const Value next = d.builder.neg(d.x);
  EXPECT_EQ(next.node.index, 5U);
  EXPECT_EQ(pairs(d.graph.uses(d.x)), (Pairs{{2, 0}, {4, 1}, {5, 0}}));
}

TEST(Graph, NamesOfInputsAreNew) {
  Diamond d;
  EXPECT_TRUE(contains(error_of<UserError>([&] { d.graph.add_input("x", vec); }), "'x' twice"));
}

TEST(Graph, CopiesAreApart) {
  const Diamond d;
  Graph copy = d.graph;
  copy.set_operand(d.out.node, 1, d.y);
  EXPECT_EQ(d.graph[d.out.node].operands[1], d.x);
  EXPECT_FALSE(equal(copy, d.graph));
  copy.set_operand(d.out.node, 1, d.x);
  EXPECT_TRUE(equal(copy, d.graph));
}

TEST(GraphAlgorithms, OrderIsTopologicalAndSmallestIdFirst) {
  Diamond d;
  const Value late = d.builder.neg(d.x);
  d.graph.set_operand(d.square.node, 0, late);  // id 5 before id 3 now
  const std::vector<NodeId> order = topological_order(d.graph);
  EXPECT_EQ(order, (std::vector<NodeId>{{0}, {1}, {2}, {5}, {3}, {4}}));
  d.graph.set_operand(late.node, 0, d.out);
  EXPECT_TRUE(contains(error_of<InternalError>([&] { topological_order(d.graph); }), "cycle"));
}

TEST(GraphAlgorithms, ReachableBothWays) {
  const Diamond d;
  const std::vector<bool> users = reachable(d.graph, {d.sum.node}, Direction::to_users);
  EXPECT_EQ(users, (std::vector<bool>{false, false, true, true, true}));
  const std::vector<bool> needed =
      reachable(d.graph, {d.sum.node, d.x.node}, Direction::to_operands);
  EXPECT_EQ(needed, (std::vector<bool>{true, true, true, false, false}));
}

TEST(GraphAlgorithms, EqualSeesEveryDifference) {
  const auto differs = [](auto change) {
    const Diamond d;
    Graph other = d.graph;
    change(other, d);
    return !equal(d.graph, other) && !equal(other, d.graph);
  };
  EXPECT_TRUE(differs([](Graph& g, const Diamond&) { g.set_name("h"); }));
  EXPECT_TRUE(differs([](Graph& g, const Diamond&) { g.outputs()[0].name = "q"; }));
  EXPECT_TRUE(differs([](Graph& g, const Diamond& d) { g.outputs()[0].value = d.sum; }));
  EXPECT_TRUE(differs([](Graph& g, const Diamond& d) { g.updates().push_back({"s", d.sum}); }));
  EXPECT_TRUE(differs([](Graph& g, const Diamond& d) { g.set_origin(d.sum.node, {"a", "", 0}); }));
  EXPECT_TRUE(differs([](Graph& g, const Diamond& d) {
    g.set_result_type(d.sum.node, 0, {DType::f32, {5}});
  }));
  EXPECT_TRUE(differs([](Graph& g, const Diamond&) { g.add_input("z", vec); }));
  EXPECT_TRUE(differs([](Graph& g, const Diamond& d) { g.set_operand(d.sum.node, 0, d.y); }));
}

}  // namespace
}  // namespace gptc::ir
