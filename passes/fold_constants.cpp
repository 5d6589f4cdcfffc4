#include "passes/fold_constants.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "ir/builder.h"
#include "ir/graph_algo.h"
#include "passes/rewrite.h"

namespace gptc::passes {
namespace {

/// The result's number from the operands'; `times` is how many operand elements make one result.
struct Folding {
  ir::OpKind kind;
  double (*value)(const std::vector<double>& operands, double times);
};

using Numbers = std::vector<double>;
double same(const Numbers& x, double) { return x[0]; }

constexpr std::array table = {
    Folding{ir::OpKind::neg, [](const Numbers& x, double) { return -x[0]; }},
    Folding{ir::OpKind::exp, [](const Numbers& x, double) { return std::exp(x[0]); }},
    Folding{ir::OpKind::log, [](const Numbers& x, double) { return std::log(x[0]); }},
    Folding{ir::OpKind::sqrt, [](const Numbers& x, double) { return std::sqrt(x[0]); }},
    Folding{ir::OpKind::rsqrt, [](const Numbers& x, double) { return 1 / std::sqrt(x[0]); }},
    Folding{ir::OpKind::tanh, [](const Numbers& x, double) { return std::tanh(x[0]); }},
    Folding{ir::OpKind::add, [](const Numbers& x, double) { return x[0] + x[1]; }},
    Folding{ir::OpKind::sub, [](const Numbers& x, double) { return x[0] - x[1]; }},
    Folding{ir::OpKind::mul, [](const Numbers& x, double) { return x[0] * x[1]; }},
    Folding{ir::OpKind::div, [](const Numbers& x, double) { return x[0] / x[1]; }},
    Folding{ir::OpKind::maximum, [](const Numbers& x, double) { return std::max(x[0], x[1]); }},
    Folding{ir::OpKind::cast, same},
    Folding{ir::OpKind::reshape, same},
    Folding{ir::OpKind::transpose, same},
    Folding{ir::OpKind::broadcast, same},
    Folding{ir::OpKind::slice, same},
    Folding{ir::OpKind::select, same},
    Folding{ir::OpKind::reduce_max, same},
    Folding{ir::OpKind::reduce_sum, [](const Numbers& x, double times) { return x[0] * times; }},
};

/// To nearest even, as the type would hold it; nothing if it would be infinite or is no number.
std::optional<double> rounded(double value, ir::DType dtype) {
  if (!std::isfinite(value)) return std::nullopt;
  if (dtype == ir::DType::f64) return value;
  if (std::abs(value) > std::numeric_limits<float>::max()) return std::nullopt;
  const auto single = static_cast<float>(value);
  if (dtype != ir::DType::bf16) return single;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &single, sizeof bits);
  bits = (bits + 0x7fffU + ((bits >> 16) & 1U)) & 0xffff0000U;
  float result = 0;
  std::memcpy(&result, &bits, sizeof result);
  return std::isfinite(result) ? std::optional<double>(result) : std::nullopt;
}

/// The operands' numbers, where they are constants; the index of a select need not be one.
std::optional<Numbers> operand_numbers(const ir::Graph& graph, const ir::Node& node) {
  Numbers numbers;
  for (const ir::Value operand : node.operands) {
    if (!ir::is_float(graph.type(operand).dtype)) continue;
    const std::optional<double> value = constant_value(graph, operand);
    if (!value) return std::nullopt;
    numbers.push_back(*value);
  }
  return numbers.empty() ? std::nullopt : std::optional(std::move(numbers));
}

bool fold(ir::Graph& graph, ir::NodeId id) {
  const ir::Node& node = graph[id];
  const auto row = std::find_if(table.begin(), table.end(),
                                [&](const Folding& entry) { return entry.kind == node.kind; });
  if (row == table.end() || !ir::is_float(node.results[0].dtype)) return false;
  const std::optional<Numbers> numbers = operand_numbers(graph, node);
  const ir::Type type = node.results[0];
  const ir::Shape& operand_shape = graph.type(node.operands[0]).shape;
  if (!numbers || !type.shape.is_concrete() || !operand_shape.is_concrete()) return false;
  const double times =
      static_cast<double>(operand_shape.numel()) / static_cast<double>(type.shape.numel());
  const std::optional<double> value = rounded(row->value(*numbers, times), type.dtype);
  if (!value) return false;
  ir::Builder builder(graph);
  builder.set_origin(node.origin);
  replace(graph, {id, 0}, builder.constant(*value, type));
  return true;
}

}  // namespace

bool fold_constants(ir::Graph& graph, const PassContext&) {
  bool changed = false;
  for (const ir::NodeId id : ir::topological_order(graph)) {
    if (graph.alive(id)) changed |= fold(graph, id);
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes
