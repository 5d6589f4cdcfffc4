// Printing and parsing: round trips, and what is said about wrong texts.
#include <gtest/gtest.h>

#include "ir/check.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "tests/ir/expect_error.h"
#include "tests/ir/samples.h"

namespace gptc::ir {
namespace {

using testing::contains;
using testing::error_of;

std::string sample_without_comment() {
  return std::string(testing::full_module.substr(testing::full_module.find('\n') + 1));
}

TEST(Text, PrintsWhatWasParsed) {
  const Module module = parse(testing::full_module);
  EXPECT_EQ(print(module), sample_without_comment());
  EXPECT_TRUE(equal(module, parse(print(module))));
  verify_text(module);
}

TEST(Text, AGraphAloneIsAModule) {
  const std::string text = "graph @g(%x: f32[3]) {\n  %0 = neg(%x) : f32[3]\n  return r = %0\n}\n";
  const Module module = parse(text);
  EXPECT_EQ(print(module.graph("g")), text);
  EXPECT_TRUE(module.states().empty());
}

TEST(Text, LayoutNamesAndOrderOfAttributesCarryNoMeaning) {
  const Module tidy = parse(
      "graph @g(%x: f32[2x3]) {\n"
      "  %0 = slice(%x) {axis = 1, size = [2], start = 1} : f32[2x2]\n  return r = %0\n}");
  const Module wild = parse(
      "graph@g(%x:f32[2x3]){# c\n%part.of=slice(%x){start=1,size=[2],axis=1}:f32[2x2] return "
      "r=%part.of}");
  EXPECT_EQ(print(tidy), print(wild));
}

TEST(Text, DefaultsAreNotPrintedAndReadBack) {
  const Module module = parse(
      "graph @g(%x: f32[2x3], %y: f32[3x2]) {\n"
      "  %0 = matmul(%x, %y) {epilogue = [], transpose_a = false} : f32[2x2]\n  return r = %0\n}");
  EXPECT_TRUE(contains(print(module), "matmul(%x, %y) : f32[2x2]"));
  verify_text(module);
}

TEST(Text, LocationsMayBeLeftOutAndCommentsPutIn) {
  PrintOptions options{.locations = false};
  options.comment = [](const Graph& graph, NodeId id) {
    return graph[id].kind == OpKind::embedding ? "here" : "";
  };
  const std::string text = print(parse(testing::full_module), options);
  EXPECT_EQ(text.find("loc("), std::string::npos);
  EXPECT_TRUE(contains(text, "f32[BxTx4] @wte  # here\n"));
  verify_text(parse(text));
}

TEST(Text, IdsOfANewOrderPrintInThatOrder) {
  Module module = parse(
      "graph @g(%x: f32[3]) {\n  %0 = neg(%x) : f32[3]\n  %1 = exp(%x) : f32[3]\n"
      "  return a = %0, b = %1\n}");
  Graph& graph = module.graph("g");
  const std::vector<NodeId> order = {{0}, {2}, {1}};
  graph.compact(order);
  EXPECT_TRUE(contains(print(module), "%0 = exp(%x) : f32[3]\n    %1 = neg(%x)"));
  verify_text(module);
}

struct Wrong {
  const char* name;
  std::string text;
  std::string error;
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

/// The third line of a graph is the one that changes.
std::string graph_with(const std::string& line) {
  return "graph @g(%x: f32[2x3], %n: i64[]) {\n\n  " + line + "\n  return r = %x\n}";
}

class WrongText : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongText, IsRefusedInOneLineWithItsPlace) {
  const std::string error = error_of<UserError>([] { parse(GetParam().text, "f.ir"); });
  EXPECT_TRUE(contains(error, GetParam().error));
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_EQ(error.find("please report"), std::string::npos);
}

const Wrong wrong_texts[] = {
    {"nothing", "", "f.ir:1:1: 'graph' must come here, but got the end of the text"},
    {"no_brace", "module @m", "f.ir:1:10: '{' must come here, but got the end of the text"},
    {"behind_the_end", "module @m {}\nx", "f.ir:2:1: nothing may follow, but got 'x'"},
    {"module_without_name", "module {}", "f.ir:1:8: @name of the module must come here"},
    {"two_graphs_alone", "graph @g() { return }\ngraph @h() { return }",
     "f.ir:2:1: nothing may follow"},
    {"same_graph_twice", "module @m {\ngraph @g() { return }\ngraph @g() { return }\n}",
     "f.ir:3: a graph's name must be new"},
    {"same_state_twice",
     "module @m {\nstate %w : f32[2] {init = constant(0)}\nstate %w : f32[2] {init = "
     "constant(0)}\n}",
     "f.ir:3: a state's name must be new"},
    {"init_kind", "module @m {\nstate %w : f32[2] {init = zeros}\n}",
     "f.ir:2:27: constant, normal or uniform must come here, but got 'zeros}'"},
    {"init_flag", "module @m {\nstate %w : f32[2] {init = constant(0), frozen}\n}",
     "f.ir:2:40: train or decay must come here, but got 'frozen}'"},
    {"init_nan", "module @m {\nstate %w : f32[2] {init = constant(nan)}\n}",
     "state 'w' does not start with numbers"},
    {"state_of_nothing", "module @m {\nstate %w : f32[0] {init = constant(0)}\n}",
     "sizes must be at least 1"},
    {"state_too_large",
     "module @m {\nstate %w : f32[4611686018427387904x4] {init = constant(0)}\n}",
     "bytes fit 63 bits"},
    {"input_too_large", "graph @g(%x: f32[9223372036854775807]) { return }", "bytes fit 63 bits"},
    {"element_type", "graph @g(%x: f16[2]) { return }",
     "f.ir:1: an element type is f64, f32, bf16, i64, i32 or i8, but got 'f16'"},
    {"shape_ends_with_x", "graph @g(%x: f32[2x]) { return }", "a shape may not end with x"},
    {"shape_of_letters", "graph @g(%x: f32[2xb]) { return }",
     "a shape is sizes or capital letters joined by x, but got [2xb]"},
    {"shape_overflows", "graph @g(%x: f32[99999999999999999999]) { return }",
     "a shape is sizes or capital letters"},
    {"shape_negative", "graph @g(%x: f32[-2]) { return }", "a shape is sizes or capital letters"},
    {"shape_open", "graph @g(%x: f32[2", "a shape must end with ']'"},
    {"same_input_twice", "graph @g(%x: f32[2], %x: f32[2]) { return }",
     "f.ir:1: an argument's name must be new, but got %x"},
    {"input_is_a_number", "graph @g(%1: f32[2]) { return }", "'1' is not a new, valid name"},
    {"same_output_twice", "graph @g(%x: f32[2]) { return r = %x, r = %x }",
     "output name 'r' is not a new, valid name"},
    {"unknown_op", graph_with("%0 = frob(%x) : f32[2x3]"),
     "f.ir:3: an op must be one of `gptc ops`, but got 'frob'"},
    {"unknown_value", graph_with("%0 = neg(%y) : f32[2x3]"),
     "f.ir:3: a value must be defined before it is used, but got %y"},
    {"later_value", graph_with("%0 = neg(%1) : f32[2x3]\n  %1 = neg(%x) : f32[2x3]"),
     "f.ir:3: a value must be defined before it is used, but got %1"},
    {"wrong_type", graph_with("%0 = neg(%x) : f32[3x2]"),
     "f.ir:3: result %0 of neg must have type f32[2x3], but got f32[3x2]"},
    {"too_many_types", graph_with("%0 = neg(%x) : f32[2x3], f32[2x3]"),
     "f.ir:3: neg has 1 results, but got 1 names and 2 types"},
    {"same_result_twice", graph_with("%0 = neg(%x) : f32[2x3]\n  %0 = neg(%x) : f32[2x3]"),
     "f.ir:4: a result's name must be new, but got %0"},
    {"unknown_attribute", graph_with("%0 = neg(%x) {eps = 1.0} : f32[2x3]"),
     "f.ir:3: neg has no attribute 'eps'"},
    {"attribute_twice", graph_with("%0 = reshape(%x) {shape = [6], shape = [6]} : f32[6]"),
     "f.ir:3: attribute 'shape' is given twice"},
    {"attribute_kind", graph_with("%0 = dropout(%x, %n) {p = true} : f32[2x3]"),
     "f.ir:3:29: a number must come here, but got 'true} : f32[2x3]'"},
    {"key_kind", graph_with("%0 = dropout(%x, %n) {p = 0.1, rng_key = 12} : f32[2x3]"),
     "f.ir:3:44: a key such as 0x00000000000000ff must come here"},
    {"key_too_long", graph_with("%0 = dropout(%x, %n) {rng_key = 0x10000000000000000} : f32[2x3]"),
     "a key of up to 16 hexadecimal digits must come here"},
    {"integer_too_large", graph_with("%0 = slice(%x) {axis = 9223372036854775808} : f32[2x3]"),
     "an integer must come here"},
    {"row_refuses", graph_with("%0 = transpose(%x) {perm = [0, 0]} : f32[2x3]"),
     "f.ir:3: transpose: "},
    {"open_quote", graph_with("%0 = matmul(%x, %x) {epilogue = [\"gelu]} : f32[2x2]"),
     "a quoted text must end on its line"},
    {"bad_escape", graph_with("%0 = neg(%x) : f32[2x3] loc(\"a\\n\":1)"),
     "a backslash must stand before a quote or a backslash"},
    {"line_zero", graph_with("%0 = neg(%x) : f32[2x3] loc(\"a\":0)"),
     "a line number must be at least 1"},
    {"written_input", graph_with("%0 = input() : f32[2x3]"),
     "f.ir:3: inputs and states are not written as ops"},
    {"state_not_declared", graph_with("update %w = %x"), "'w'"},
    {"no_body", graph_with("%0 = row_fused(%x) : f32[2x3]"), "f.ir:3: row_fused: "},
    {"body_where_none_may_be",
     graph_with("%0 = neg(%x) : f32[2x3] { body(%a: f32[2x3]) { return r = %a } }"),
     "only row_fused has a body"},
    {"keys_twice",
     graph_with("%0 = dropout(%x, %n) {p = 0.1, rng_key = 0x01} : f32[2x3]\n  %1 = dropout(%0, %n) "
                "{p = 0.1, rng_key = 0x01} : f32[2x3]"),
     "its rng_key is used by another op"},
    {"unprintable", "graph @g(%x: f32[2]) { \x01\xff }", "but got '?? }'"},
};

std::string test_name(const ::testing::TestParamInfo<Wrong>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Parse, WrongText, ::testing::ValuesIn(wrong_texts), test_name);

TEST(Text, BodiesNestOnlySoDeep) {
  std::string text = "graph @g(%x: f32[2x3]) {\n";
  for (int i = 0; i < 100; ++i) text += "%0 = row_fused(%x) : f32[2x3] { body(%x: f32[2x3]) {\n";
  EXPECT_TRUE(contains(error_of<UserError>([&] { parse(text); }), "bodies may not nest this deep"));
}

}  // namespace
}  // namespace gptc::ir
