// op(slice(x) by columns) -> op(x) {start}: an op whose row says so reads columns where they lie.
#include <algorithm>

#include "ir/op_def.h"
#include "passes/rewrite.h"
#include "passes/rules/rules.h"

namespace gptc::passes::rules {
namespace {

bool reads_columns(ir::Graph& graph, ir::NodeId id) {
  const std::optional<std::size_t> operand = ir::op_def(graph[id]).columns;
  if (!operand) return false;
  const ir::Value part = graph[id].operands[*operand];
  const ir::Node& slice = graph.node(part);
  if (slice.kind != ir::OpKind::slice) return false;
  const auto last = static_cast<std::int64_t>(slice.results[0].shape.rank()) - 1;
  if (last < 2 || slice.attrs.integer("axis") != last) return false;  // axis 1 holds positions
  const std::int64_t start = std::max<std::int64_t>(graph[id].attrs.integer("start"), 0);
  const ir::Value whole = slice.operands[0];
  graph.set_attr(id, "start", start + slice.attrs.integer("start"));
  graph.set_operand(id, *operand, whole);
  erase_dead(graph, part.node);
  return true;
}

}  // namespace

std::vector<Rule> columns() { return {reads_columns}; }

}  // namespace gptc::passes::rules
