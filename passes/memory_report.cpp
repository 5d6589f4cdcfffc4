#include "passes/memory_report.h"

#include <algorithm>

#include "ir/op_def.h"
#include "ir/print.h"
#include "passes/buffers.h"

namespace gptc::passes {
namespace {

constexpr std::string_view gradient_prefix = "grad.";
constexpr std::string_view moment_prefix = "adamw.";
constexpr std::string_view gradient_operand = "grad";  // of an optimizer's op, by its row

/// By buffer: whether an optimizer's op reads it as a gradient.
std::vector<bool> gradient_buffers(const ir::Graph& graph, const Buffers& buffers) {
  std::vector<bool> found(buffers.all.size());
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph[id];
    const auto& specs = ir::op_def(node).operands;
    for (std::size_t i = 0; i < std::min(specs.size(), node.operands.size()); ++i) {
      if (specs[i].name != gradient_operand) continue;
      const ir::Value value = node.operands[i];
      const std::size_t buffer = buffers.of[value.node.index][value.result];
      if (buffer != Buffers::nowhere) found[buffer] = true;
    }
  }
  return found;
}

std::vector<std::int64_t> scratch_of(const ir::Program& program) {
  std::vector<std::int64_t> scratch;
  scratch.reserve(program.workspaces.size());
  for (const ir::Placement& placement : program.workspaces) scratch.push_back(placement.bytes);
  return scratch;
}

}  // namespace

double GraphMemory::ratio() const {
  return lower_bound_bytes == 0
             ? 1.0
             : static_cast<double>(arena_bytes) / static_cast<double>(lower_bound_bytes);
}

StateParts state_parts(const ir::Module& module) {
  StateParts parts;
  std::int64_t sum = 0;
  for (const ir::State& state : module.states()) {
    const std::int64_t bytes = state.type.bytes();
    sum += bytes;
    if (state.train) {
      parts.parameters += bytes;
    } else if (state.name.starts_with(gradient_prefix)) {
      parts.gradients += bytes;
    } else if (state.name.starts_with(moment_prefix)) {
      parts.moments += bytes;
    } else {
      parts.other += bytes;
    }
  }
  parts.padding = ir::layout_states(module).bytes - sum;
  return parts;
}

GraphMemory graph_memory(const ir::Program& program, const PassContext& context) {
  const ir::Graph& graph = program.graph;
  GraphMemory memory{.nodes = graph.slots(),
                     .arena_bytes = program.arena_bytes,
                     .lower_bound_bytes = program.lower_bound_bytes};
  if (graph.slots() == 0) return memory;
  const Buffers buffers = share_buffers(graph);
  const std::vector<std::int64_t> scratch = scratch_of(program);
  const std::uint32_t step = busiest_step(arena_intervals(buffers, scratch));
  memory.peak = {std::min(step, static_cast<std::uint32_t>(graph.slots() - 1))};
  const ir::Node& node = graph[memory.peak];
  const std::vector<std::string> names = ir::value_names(graph)[memory.peak.index];
  memory.peak_name =
      (names.empty() ? "" : names.front() + " ") + std::string(ir::op_def(node).name);
  memory.peak_scope = node.origin.scope;
  const std::vector<bool> is_gradient = gradient_buffers(graph, buffers);
  for (std::size_t i = 0; i < buffers.all.size(); ++i) {
    const Buffer& buffer = buffers.all[i];
    if (buffer.state || step < buffer.begin || step > buffer.end) continue;
    (is_gradient[i] ? memory.parts.gradients : memory.parts.activations) += aligned(buffer.bytes);
  }
  if (step < scratch.size()) {
    const std::int64_t all = aligned(scratch[step]);
    memory.parts.library =
        context.library_bytes ? std::min(all, context.library_bytes(graph, memory.peak)) : 0;
    memory.parts.workspace = all - memory.parts.library;
  }
  memory.parts.unused = program.arena_bytes - memory.parts.total();
  return memory;
}

}  // namespace gptc::passes
