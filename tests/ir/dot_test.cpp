// Graphviz: a box per node, an edge per operand, everything closed that is opened.
#include <gtest/gtest.h>

#include "ir/builder.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "tests/ir/expect_error.h"
#include "tests/ir/samples.h"

namespace gptc::ir {
namespace {

using testing::contains;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

/// Braces and brackets outside of quotes close in order, and so do quotes.
bool balanced(const std::string& text) {
  std::string open;
  bool in_quotes = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_quotes && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_quotes = !in_quotes;
    } else if (!in_quotes && (c == '{' || c == '[')) {
      open += c;
    } else if (!in_quotes && (c == '}' || c == ']')) {
      if (open.empty() || open.back() != (c == '}' ? '{' : '[')) return false;
      open.pop_back();
    }
  }
  return open.empty() && !in_quotes;
}

TEST(Dot, BoxesAndEdges) {
  const Module module = parse(testing::full_module);
  for (const Graph& graph : module.graphs()) {
    const std::string text = print_dot(graph);
    std::size_t operands = 0;
    for (const NodeId id : graph.nodes()) operands += graph[id].operands.size();
    EXPECT_EQ(count(text, "[shape=box"), graph.nodes().size());
    EXPECT_EQ(count(text, "->"), operands);
    EXPECT_TRUE(balanced(text)) << text;
    EXPECT_TRUE(text.starts_with("digraph"));
  }
}

TEST(Dot, QuotesWhatNeedsIt) {
  Graph graph("g\"\\");
  Builder builder(graph);
  builder.set_origin({"a\"b", "", 0});
  const Value x = graph.add_input("x", {DType::f32, {2}});
  builder.mul(x, x);
  const std::string text = print_dot(graph);
  EXPECT_TRUE(balanced(text)) << text;
  EXPECT_TRUE(contains(text, R"(label="a\"b")"));
  EXPECT_EQ(count(text, "0->1"), 2U);
}

TEST(Dot, ErasedNodesLeaveNoBox) {
  Graph graph("g");
  Builder builder(graph);
  const Value x = graph.add_input("x", {DType::f32, {2}});
  const Value dead = builder.neg(x);
  graph.outputs().push_back({"r", builder.exp(x)});
  graph.erase(dead.node);
  EXPECT_EQ(count(print_dot(graph), "[shape=box"), 2U);
  EXPECT_EQ(graph.slots(), 3U);  // the graph itself stays as it is
}

}  // namespace
}  // namespace gptc::ir
