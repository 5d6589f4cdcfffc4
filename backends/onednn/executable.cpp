#include "backends/onednn/executable.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "backends/onednn/threads.h"
#include "ir/check.h"
#include "ir/op_def.h"

namespace gptc::onednn {
namespace {

void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
  if (to != from && bytes != 0) std::memcpy(to, from, bytes);
}

std::string place_of(const ir::Origin& origin) {
  std::string text;
  if (origin.line > 0) text += fmt::format(" ({}:{})", origin.file, origin.line);
  if (!origin.scope.empty()) text += " @" + origin.scope;
  return text;
}

const runtime::Binding* find_binding(std::span<const runtime::Binding> bindings,
                                     const std::string& name) {
  const auto found = std::ranges::find(bindings, name, &runtime::Binding::name);
  return found == bindings.end() ? nullptr : &*found;
}

void check_binding(std::string_view graph, std::string_view role, const runtime::Binding& binding,
                   const ir::Type& wanted) {
  if (binding.tensor.type != wanted) {
    ir::user_error("{}: {} '{}' must be {}, but got {}", graph, role, binding.name, wanted.text(),
                   binding.tensor.type.text());
  }
  if (binding.tensor.data == nullptr && wanted.bytes() != 0) {
    ir::user_error("{}: {} '{}' must have memory, but got a null pointer", graph, role,
                   binding.name);
  }
}

}  // namespace

bool needs_no_kernel(const ir::Node& node) {
  return node.kind == ir::OpKind::input || node.kind == ir::OpKind::state ||
         ir::op_def(node).has(ir::Trait::view);
}

ProgramExecutable::ProgramExecutable(const ir::Program& program, runtime::Memory& arena,
                                     runtime::StateStore& states, int threads)
    : graph_name_(program.graph.name()),
      arena_(arena.data()),
      arena_bytes_(arena.bytes()),
      states_(states),
      threads_(threads) {
  const ThreadScope scope(threads_);
  const ir::Graph& graph = program.graph;
  for (const ir::NodeId id : graph.inputs()) {
    inputs_.push_back({graph[id].attrs.string("name"), graph[id].results[0],
                       address(program.placement({id, 0}))});
  }
  for (const ir::NodeId id : graph.nodes()) add_step(program, id);
  for (const ir::Output& output : graph.outputs()) {
    outputs_.push_back(
        {output.name, graph.type(output.value), address(program.placement(output.value))});
  }
  add_updates(program);
}

std::byte* ProgramExecutable::address(const ir::Placement& placement) const {
  if (placement.space == ir::Placement::Space::none) return nullptr;
  if (placement.space == ir::Placement::Space::state)
    return states_.address(placement.offset, placement.bytes);
  ir::internal_check(placement.offset >= 0 && placement.bytes >= 0 &&
                         placement.offset <= arena_bytes_ - placement.bytes,
                     "graph {}: a plan puts {} bytes at {} of {}", graph_name_, placement.bytes,
                     placement.offset, arena_bytes_);
  return arena_ + placement.offset;
}

void ProgramExecutable::add_step(const ir::Program& program, ir::NodeId id) {
  const ir::Node& node = program.graph[id];
  if (node.kind == ir::OpKind::state) return;
  if (node.kind == ir::OpKind::input) {
    const auto port = std::ranges::find(inputs_, node.attrs.string("name"), &Port::name);
    if (port->data != nullptr) steps_.push_back({.node = id, .input = &*port});
    return;
  }
  if (needs_no_kernel(node)) {
    const Copy copy{address(program.placement({id, 0})),
                    address(program.placement(node.operands[0])),
                    static_cast<std::size_t>(node.results[0].bytes())};
    if (copy.to != nullptr && copy.to != copy.from)
      steps_.push_back({.node = id, .input = nullptr, .copy = copy});
    return;
  }
  add_kernel(program, id);
}

void ProgramExecutable::add_kernel(const ir::Program& program, ir::NodeId id) {
  const ir::Graph& graph = program.graph;
  const ir::Node& node = graph[id];
  const KernelRow* row = find_kernel(node.kind);
  ir::user_check(row != nullptr && (row->supports == nullptr || row->supports(graph, node)),
                 "{}: the onednn backend has no kernel for it with result {}{}",
                 ir::op_def(node).name, node.results.empty() ? "none" : node.results[0].text(),
                 place_of(node.origin));
  KernelArgs args{.operands = {}, .results = {}, .workspace = nullptr, .threads = threads_};
  for (const ir::Value operand : node.operands) {
    args.operands.push_back(address(program.placement(operand)));
  }
  for (const ir::Placement& result : program.results[id.index]) {
    args.results.push_back(address(result));
  }
  const std::int64_t needed = row->workspace == nullptr ? 0 : row->workspace(graph, node, threads_);
  const ir::Placement& workspace = program.workspaces[id.index];
  ir::internal_check(workspace.bytes >= needed, "{}: the plan gives {} bytes of workspace, not {}",
                     ir::op_def(node).name, workspace.bytes, needed);
  args.workspace = address(workspace);
  steps_.push_back(
      {.node = id, .input = nullptr, .copy = {}, .kernel = row->create(graph, node, args)});
}

void ProgramExecutable::add_updates(const ir::Program& program) {
  std::vector<Copy> late;
  for (const ir::Update& update : program.graph.updates()) {
    const runtime::TensorView state = states_.view(update.state);
    const ir::Placement& placement = program.placement(update.value);
    const std::byte* from = address(placement);
    ir::internal_check(from != nullptr, "update of {} has no value in memory", update.state);
    if (from == state.data) continue;
    const auto bytes = static_cast<std::size_t>(state.bytes());
    const bool in_states = placement.space == ir::Placement::Space::state;
    (in_states ? late : updates_).push_back({state.data, from, bytes});
  }
  std::size_t total = 0;
  for (const Copy& copy : late) total += copy.bytes;
  staging_.resize(total);
  std::byte* stage = staging_.data();
  for (const Copy& copy : late) {
    staged_.push_back({stage, copy.from, copy.bytes});
    updates_.push_back({copy.to, stage, copy.bytes});
    stage += copy.bytes;
  }
}

void ProgramExecutable::execute(const Step& step, std::span<const runtime::Binding> inputs) const {
  if (step.kernel) {
    step.kernel->execute();
  } else if (step.input != nullptr) {
    const runtime::Binding* binding = find_binding(inputs, step.input->name);
    copy_bytes(step.input->data, binding->tensor.data,
               static_cast<std::size_t>(step.input->type.bytes()));
  } else {
    copy_bytes(step.copy.to, step.copy.from, step.copy.bytes);
  }
}

// No allocation here unless an error is raised: this is the steady step.
void ProgramExecutable::check_bindings(std::span<const runtime::Binding> inputs,
                                       std::span<const runtime::Binding> outputs) const {
  for (const Port& port : inputs_) {
    const runtime::Binding* binding = find_binding(inputs, port.name);
    if (binding == nullptr) {
      ir::user_error("{}: input '{}' ({}) must be given, but is missing", graph_name_, port.name,
                     port.type.text());
    }
    check_binding(graph_name_, "input", *binding, port.type);
  }
  for (const runtime::Binding& binding : outputs) {
    const auto port = std::ranges::find(outputs_, binding.name, &Port::name);
    ir::user_check(port != outputs_.end(), "{}: there is no output '{}'", graph_name_,
                   binding.name);
    check_binding(graph_name_, "output", binding, port->type);
  }
}

void ProgramExecutable::run(std::span<const runtime::Binding> inputs,
                            std::span<const runtime::Binding> outputs) {
  check_bindings(inputs, outputs);
  const ThreadScope scope(threads_);
  using Clock = std::chrono::steady_clock;
  for (const Step& step : steps_) {
    if (!profile_) {
      execute(step, inputs);
      continue;
    }
    const auto start = Clock::now();
    execute(step, inputs);
    profile_(step.node, std::chrono::duration<double>(Clock::now() - start).count());
  }
  for (const runtime::Binding& binding : outputs) {
    const auto port = std::ranges::find(outputs_, binding.name, &Port::name);
    copy_bytes(binding.tensor.data, port->data, static_cast<std::size_t>(port->type.bytes()));
  }
  for (const Copy& copy : staged_) copy_bytes(copy.to, copy.from, copy.bytes);
  for (const Copy& copy : updates_) copy_bytes(copy.to, copy.from, copy.bytes);
}

}  // namespace gptc::onednn
