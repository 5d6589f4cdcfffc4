// The builder and the module.
#include "ir/builder.h"

#include <gtest/gtest.h>

#include <limits>

#include "ir/module.h"
#include "ir/op_def.h"
#include "ir/program.h"
#include "tests/ir/expect_error.h"

namespace gptc::ir {
namespace {

using testing::contains;
using testing::error_of;

TEST(Builder, InfersTypesFillsDefaultsAndNotesOrigins) {
  Graph graph("g");
  Builder b(graph);
  b.set_origin({"h.0", "model.cpp", 12});
  const Value x = graph.add_input("x", {DType::f32, {2, 3}});
  const Value y = graph.add_input("y", {DType::f32, {5, 3}});
  const Value z = b.matmul(x, y, {.transpose_b = true});
  EXPECT_EQ(b.type(z).text(), "f32[2x5]");
  EXPECT_TRUE(graph.node(z).attrs.strings("epilogue").empty());
  EXPECT_EQ(graph.node(z).origin, (Origin{"h.0", "model.cpp", 12}));
  EXPECT_EQ(b.shape(b.row_sum(z)).text(), "2x1");
  EXPECT_EQ(b.shape(b.row_max(z)).text(), "2x1");
  EXPECT_EQ(b.shape(b.scale(z, 2)).text(), "2x5");
}

TEST(Builder, RefusesWhatTheRowForbidsAndSaysWhere) {
  Graph graph("g");
  Builder b(graph);
  b.set_origin({"h.0", "model.cpp", 12});
  const Value x = graph.add_input("x", {DType::f32, {2, 3}});
  const std::string error = error_of<UserError>([&] { b.matmul(x, x); });
  EXPECT_TRUE(contains(error, "matmul: "));
  EXPECT_TRUE(contains(error, "at model.cpp:12 (h.0)"));
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_TRUE(contains(error_of<UserError>([&] {
                         b.op(OpKind::neg, {x, x});
                       }),
                       "operands must be 1"));
  EXPECT_TRUE(contains(error_of<UserError>([&] {
                         b.op(OpKind::softmax, {x}, {{"axis", true}});
                       }),
                       "attributes must be among: none"));
  EXPECT_TRUE(contains(error_of<UserError>([&] {
                         b.op(OpKind::reshape, {x}, {{"shape", true}});
                       }),
                       "must be a shape"));
  EXPECT_EQ(graph.nodes().size(), 1U);  // nothing half made stays
}

TEST(Builder, SumToShapeUndoesBroadcasting) {
  Graph graph("g");
  Builder b(graph);
  const Value x = graph.add_input("x", {DType::f32, {2, 3, 4}});
  for (const Shape& wanted :
       {Shape{}, Shape{4}, Shape{1}, Shape{3, 1}, Shape{2, 1, 4}, Shape{1, 1, 1}, Shape{2, 3, 4}}) {
    EXPECT_EQ(b.shape(b.sum_to_shape(x, wanted)), wanted) << wanted.text();
  }
  EXPECT_EQ(b.sum_to_shape(x, {2, 3, 4}), x);
  EXPECT_THROW(b.sum_to_shape(b.scalar(1), {2}), InternalError);
}

TEST(Builder, CloneKeepsAttributesAndOrigin) {
  Graph graph("g");
  Builder b(graph);
  const Value x = graph.add_input("x", {DType::f32, {2, 3}});
  b.set_origin({"a", "f.cpp", 1});
  const Value turned = b.transpose(x, {1, 0});
  b.set_origin({"b", "g.cpp", 2});
  const NodeId copy = b.clone(graph.node(turned), {x});
  EXPECT_EQ(graph[copy].attrs, graph.node(turned).attrs);
  EXPECT_EQ(graph[copy].origin.scope, "a");
  EXPECT_EQ(b.origin().scope, "b");
}

/// A clone that fails leaves the builder's origin as it was.
TEST(Builder, AFailedCloneKeepsTheOrigin) {
  Graph graph("g");
  Builder b(graph);
  const Value x = graph.add_input("x", {DType::f32, {2, 3}});
  const Value v = graph.add_input("v", {DType::f32, {2}});
  b.set_origin({"a", "f.cpp", 1});
  const Node turned = graph.node(b.transpose(x, {1, 0}));
  b.set_origin({"b", "g.cpp", 2});
  EXPECT_THROW(b.clone(turned, {v}), UserError);
  EXPECT_EQ(b.origin().scope, "b");
}

TEST(Builder, StableHashIsStable) {
  EXPECT_EQ(stable_hash("h.0.attn/dropout/0", 1), stable_hash("h.0.attn/dropout/0", 1));
  EXPECT_NE(stable_hash("a", 1), stable_hash("a", 2));
  EXPECT_NE(stable_hash("a"), stable_hash("b"));
  EXPECT_NE(stable_hash(""), 0U);
}

TEST(Module, StatesAndGraphsByName) {
  Module module("m");
  module.add_state({.name = "w", .type = {DType::f32, {3}}});
  EXPECT_TRUE(contains(error_of<UserError>([&] { module.add_state({.name = "w"}); }), "'w' twice"));
  EXPECT_EQ(module.find_state("v"), nullptr);
  Graph& first = module.add_graph(Graph("a"));
  module.add_graph(Graph("b"));
  EXPECT_EQ(module.find_graph("a"), &first);  // graphs stay where they are
  Graph other("a");
  other.add_input("x", {DType::f32, {}});
  EXPECT_EQ(&module.add_graph(other), &first);
  EXPECT_EQ(module.graphs().size(), 2U);
  EXPECT_EQ(first.inputs().size(), 1U);
  const std::string error = error_of<UserError>([&] { module.graph("c"); });
  EXPECT_TRUE(contains(error, "no graph 'c'; it has: a, b"));
}

TEST(Module, EqualSeesStates) {
  Module a("m");
  a.add_state({.name = "w", .type = {DType::f32, {3}}});
  Module b("m");
  EXPECT_FALSE(equal(a, b));
  b.add_state({.name = "w", .type = {DType::f32, {3}}, .decay = true});
  EXPECT_FALSE(equal(a, b));
}

TEST(Module, StatesAreLaidOutAligned) {
  Module module("m");
  module.add_state({.name = "a", .type = {DType::f32, {3}}});
  module.add_state({.name = "b", .type = {DType::f32, {17}}});
  module.add_state({.name = "c", .type = {DType::i8, {}}});
  const StateLayout layout = layout_states(module);
  EXPECT_EQ(layout.offsets, (std::vector<std::int64_t>{0, 64, 192}));
  EXPECT_EQ(layout.bytes, 256);
}

TEST(Module, LayoutDoesNotOverflow) {
  Module module("m");
  module.add_state({.name = "a", .type = {DType::i8, {1LL << 62}}});
  module.add_state({.name = "b", .type = {DType::i8, {1LL << 62}}});
  EXPECT_TRUE(contains(error_of<UserError>([&] { layout_states(module); }), "63 bits"));
  Module near("m");
  near.add_state({.name = "a", .type = {DType::i8, {std::numeric_limits<std::int64_t>::max()}}});
  EXPECT_TRUE(contains(error_of<UserError>([&] { layout_states(near); }), "63 bits"));
}

}  // namespace
}  // namespace gptc::ir
