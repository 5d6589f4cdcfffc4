// Uses of ops as data, and graphs made of them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/builder.h"
#include "ir/op_def.h"

namespace gptc::testing {

/// "f32[4xT]", "i64[]": one letter is a named dimension.
ir::Type type_of(std::string_view text);
/// Separated by blanks.
std::vector<ir::Type> types_of(std::string_view text);
std::string text_of(std::span<const ir::Type> types);

struct Case {
  ir::OpKind op;
  std::string operands;  // types
  ir::Attrs attrs;
  std::string results;  // types, or in a refusal the text of the error after "op: "
  std::shared_ptr<const ir::Graph> body = nullptr;
};

/// At least one for every op with an inference.
const std::vector<Case>& op_cases();

/// A graph whose inputs are the operands; `node` is the op.
struct Made {
  ir::Graph graph;
  ir::NodeId node;
  const ir::Node& operator*() const { return graph[node]; }
};
Made make(const Case& op_case);

/// The body of a row_fused: (x f32[BxC], residual f32[BxC], gain f32[C]) -> sum, rows normalised.
std::shared_ptr<const ir::Graph> residual_norm_body();

}  // namespace gptc::testing
