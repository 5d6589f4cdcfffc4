#include "tests/support/guarded_run.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "ir/op_def.h"
#include "tests/support/compare.h"

namespace gptc::testing {

namespace {

constexpr std::int64_t guard_bytes = 64;
// As floats a NaN, as ids out of range: a value that is read before it is written shows.
constexpr std::byte poison{0xff};
constexpr std::byte guard{0xa5};

/// A bump allocator that never reuses anything.
class Layouter {
 public:
  ir::Placement place(std::int64_t bytes) {
    const ir::Placement placement{ir::Placement::Space::arena, next_, bytes};
    const std::int64_t end = next_ + bytes + guard_bytes;
    next_ = (end + ir::buffer_alignment - 1) / ir::buffer_alignment * ir::buffer_alignment;
    return placement;
  }
  std::int64_t bytes() const { return next_; }

 private:
  std::int64_t next_ = guard_bytes;
};

/// (result, operand) pairs of the last node that may share memory, no operand twice.
std::vector<ir::InPlace> sharable(const ir::Graph& graph) {
  std::vector<ir::InPlace> pairs;
  const ir::Node& node = graph[graph.nodes().back()];
  for (const ir::InPlace& pair : ir::in_place_rules(node)) {
    const bool same = node.results[pair.result] == graph.type(node.operands[pair.operand]);
    const bool taken = std::any_of(pairs.begin(), pairs.end(), [&](const ir::InPlace& other) {
      return other.operand == pair.operand || other.result == pair.result;
    });
    if (same && !taken) pairs.push_back(pair);
  }
  return pairs;
}

/// The bytes of the arena that no value or workspace owns.
std::vector<bool> unowned_bytes(const ir::Program& program) {
  std::vector<bool> unowned(static_cast<std::size_t>(program.arena_bytes), true);
  const auto own = [&](const ir::Placement& placement) {
    const auto first = unowned.begin() + placement.offset;
    if (placement.space == ir::Placement::Space::arena)
      std::fill(first, first + placement.bytes, false);
  };
  for (const auto& results : program.results) std::for_each(results.begin(), results.end(), own);
  std::for_each(program.workspaces.begin(), program.workspaces.end(), own);
  return unowned;
}

std::string owner_before(const ir::Program& program, std::int64_t offset) {
  std::string owner = "the arena's start";
  std::int64_t best = -1;
  const auto consider = [&](const ir::Placement& placement, const std::string& name) {
    if (placement.offset > best && placement.offset <= offset && placement.bytes > 0) {
      best = placement.offset;
      owner = name;
    }
  };
  for (std::size_t i = 0; i < program.results.size(); ++i) {
    for (std::size_t r = 0; r < program.results[i].size(); ++r)
      consider(program.results[i][r],
               "result " + std::to_string(r) + " of node " + std::to_string(i));
    consider(program.workspaces[i], "the workspace of node " + std::to_string(i));
  }
  return owner;
}

class Runner {
 public:
  Runner(const ir::Graph& graph, const runtime::Backend& backend,
         const reference::Tensors<double>& inputs, Layout layout)
      : program_(plan_apart(graph, backend, layout)),
        layout_(layout),
        arena_(program_.arena_bytes),
        states_(ir::Module("none")),
        unowned_(unowned_bytes(program_)),
        executable_(backend.compile(program_, arena_, states_)) {
    for (const auto& [name, tensor] : inputs) {
      reference::store(tensor, storage_.emplace_back(tensor.type).view());
      inputs_.push_back({name, storage_.back().view()});
    }
    for (const ir::Output& output : graph.outputs())
      outputs_.push_back({output.name, storage_.emplace_back(graph.type(output.value)).view()});
  }

  GuardedRun run() {
    for (std::size_t i = 0; i < unowned_.size(); ++i)
      arena_.data()[i] = unowned_[i] ? guard : poison;
    executable_->run(inputs_, outputs_);
    GuardedRun result;
    for (const runtime::Binding& output : outputs_)
      result.outputs.emplace(output.name, reference::load<double>(output.tensor));
    check_guards(result.failures);
    if (layout_ == Layout::apart) check_operands(result.failures);
    return result;
  }

 private:
  void check_guards(Failures& failures) const {
    for (std::size_t i = 0; i < unowned_.size(); ++i) {
      if (!unowned_[i] || arena_.data()[i] == guard) continue;
      failures.push_back("a guard byte behind " +
                         owner_before(program_, static_cast<std::int64_t>(i)) + " is overwritten");
      return;
    }
  }

  void check_operands(Failures& failures) const {
    for (const runtime::Binding& input : inputs_) {
      const ir::Value value = *program_.graph.find_input(input.name);
      const auto* bytes = arena_.data() + program_.placement(value).offset;
      const auto size = static_cast<std::size_t>(input.tensor.bytes());
      if (std::memcmp(bytes, input.tensor.data, size) != 0)
        failures.push_back("operand " + input.name + " is overwritten");
    }
  }

  ir::Program program_;
  Layout layout_;
  runtime::Memory arena_;
  runtime::StateStore states_;
  std::vector<bool> unowned_;
  std::unique_ptr<runtime::Executable> executable_;
  std::deque<runtime::Tensor> storage_;
  std::vector<runtime::Binding> inputs_;
  std::vector<runtime::Binding> outputs_;
};

}  // namespace

bool can_run_in_place(const ir::Graph& graph) { return !sharable(graph).empty(); }

ir::Program plan_apart(ir::Graph graph, const runtime::Backend& backend, Layout layout) {
  ir::Program program;
  program.graph = std::move(graph);
  program.results.resize(program.graph.slots());
  program.workspaces.resize(program.graph.slots());
  Layouter layouter;
  const std::vector<ir::NodeId> nodes = program.graph.nodes();
  for (const ir::NodeId id : nodes) {
    const ir::Node& node = program.graph[id];
    for (const ir::Type& type : node.results)
      program.results[id.index].push_back(layouter.place(type.bytes()));
    const bool runs = node.kind != ir::OpKind::input && node.kind != ir::OpKind::state;
    const std::int64_t scratch = runs ? backend.workspace_bytes(program.graph, id) : 0;
    if (scratch > 0) program.workspaces[id.index] = layouter.place(scratch);
  }
  if (layout == Layout::in_place)
    for (const ir::InPlace& pair : sharable(program.graph))
      program.results[nodes.back().index][pair.result] =
          program.placement(program.graph[nodes.back()].operands[pair.operand]);
  program.arena_bytes = layouter.bytes();
  return program;
}

GuardedRun run_guarded(const ir::Graph& graph, const runtime::Backend& backend,
                       const reference::Tensors<double>& inputs, Layout layout) {
  Runner runner(graph, backend, inputs, layout);
  GuardedRun first = runner.run();
  const GuardedRun second = runner.run();
  for (const auto& [name, tensor] : first.outputs)
    if (!same_bits(tensor, second.outputs.at(name)))
      first.failures.push_back(name + " differs between two runs");
  return first;
}

}  // namespace gptc::testing
