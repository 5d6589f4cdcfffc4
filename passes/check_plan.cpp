// The independent check of a memory plan: a replay that follows who owns each byte.
#include <algorithm>
#include <map>

#include "ir/check.h"
#include "ir/op_def.h"
#include "passes/plan_memory.h"

namespace gptc::passes {
namespace {

using ir::Node;
using ir::NodeId;
using ir::Placement;
using ir::Value;
using Space = Placement::Space;

bool overlap(const Placement& a, const Placement& b) {
  return a.space == b.space && a.space != Space::none && a.offset < b.offset + b.bytes &&
         b.offset < a.offset + a.bytes;
}

/// Who wrote the bytes from each offset on, until the next entry.
class Owners {
 public:
  void write(const Placement& at, Value owner) {
    split(at.offset);
    split(at.offset + at.bytes);
    spans_.erase(spans_.lower_bound(at.offset), spans_.lower_bound(at.offset + at.bytes));
    spans_.emplace(at.offset, owner);
  }

  bool owns(const Placement& at, Value owner) const {
    auto span = spans_.upper_bound(at.offset);
    if (span == spans_.begin()) return at.bytes == 0;
    for (--span; span != spans_.end() && span->first < at.offset + at.bytes; ++span) {
      if (span->second != owner) return false;
    }
    return true;
  }

 private:
  static constexpr Value nobody{NodeId{0xffffffff}, 0};

  void split(std::int64_t offset) {
    const auto next = spans_.upper_bound(offset);
    const Value owner = next == spans_.begin() ? nobody : std::prev(next)->second;
    spans_.emplace(offset, owner);
  }

  std::map<std::int64_t, Value> spans_;
};

class Replay {
 public:
  Replay(const ir::Module& module, const ir::Program& program)
      : module_(module), program_(program), layout_(ir::layout_states(module)) {}

  void run() {
    const ir::Graph& graph = program_.graph;
    for (std::size_t i = 0; i < module_.states().size(); ++i)
      states_.write(place_of(i), owner_of(i));
    for (const NodeId id : graph.nodes()) {
      if (graph[id].kind == ir::OpKind::state || graph[id].kind == ir::OpKind::input)
        write({id, 0});
    }
    for (const NodeId id : graph.nodes()) {
      if (graph[id].operands.empty() &&
          (graph[id].kind == ir::OpKind::state || graph[id].kind == ir::OpKind::input)) {
        continue;
      }
      step(id);
    }
    for (const ir::Output& output : graph.outputs()) read(output.value, "output " + output.name);
    for (const ir::Update& update : graph.updates())
      read(update.value, "update of " + update.state);
    // All copies at the end read before the first of them writes: states may exchange values.
    for (const ir::Update& update : graph.updates()) copy_update(update);
    check_states();
  }

 private:
  Owners& owners(Space space) { return space == Space::state ? states_ : arena_; }

  /// A view's bytes are its operand's.
  Value root(Value value) const {
    while (ir::op_def(program_.graph[value.node]).has(ir::Trait::view)) {
      value = program_.graph[value.node].operands[0];
    }
    return value;
  }

  void check_bounds(const Placement& at, const std::string& who) const {
    const std::int64_t limit = at.space == Space::state ? layout_.bytes : program_.arena_bytes;
    ir::internal_check(
        at.space == Space::none || (at.offset >= 0 && at.offset + at.bytes <= limit &&
                                    at.offset % ir::buffer_alignment == 0),
        "plan of {}: {} lies outside its memory", program_.graph.name(), who);
  }

  std::string name(NodeId id) const {
    return fmt::format("node {} ({})", id.index, ir::op_def(program_.graph[id]).name);
  }

  void write(Value value) {
    const Placement& at = program_.placement(value);
    check_bounds(at, name(value.node));
    if (at.space != Space::none) {
      ir::internal_check(at.bytes >= program_.graph.type(value).bytes(),
                         "plan of {}: {} has too few bytes", program_.graph.name(),
                         name(value.node));
      owners(at.space).write(at, value);
    }
  }

  void read(Value value, const std::string& who) {
    const Placement& at = program_.placement(value);
    ir::internal_check(at.space != Space::none && owners(at.space).owns(at, root(value)),
                       "plan of {}: {} reads bytes of node {} that another has overwritten",
                       program_.graph.name(), who, value.node.index);
  }

  void step(NodeId id) {
    const Node& node = program_.graph[id];
    for (const Value operand : node.operands) read(operand, name(id));
    if (ir::op_def(node).has(ir::Trait::view)) {
      const Placement& from = program_.placement(node.operands[0]);
      const Placement& to = program_.placement({id, 0});
      ir::internal_check(
          to.space == Space::none || (to.space == from.space && to.offset == from.offset),
          "plan of {}: {} is no view of its operand", program_.graph.name(), name(id));
      return;
    }
    for (std::uint32_t r = 0; r < node.results.size(); ++r) check_result(id, r);
    const Placement& scratch = program_.workspaces[id.index];
    check_bounds(scratch, "scratch of " + name(id));
    if (scratch.space != Space::none) arena_.write(scratch, {id, 0xffff});
    for (const Value operand : node.operands) check_apart(scratch, operand, id);
    for (std::uint32_t r = 0; r < node.results.size(); ++r) {
      check_apart(scratch, {id, r}, id);
      write({id, r});
    }
  }

  void check_apart(const Placement& scratch, Value value, NodeId id) const {
    ir::internal_check(!overlap(scratch, program_.placement(value)),
                       "plan of {}: the scratch of {} overlaps its data", program_.graph.name(),
                       name(id));
  }

  /// Results do not overlap each other, nor operands unless the row allows it in place.
  void check_result(NodeId id, std::uint32_t result) const {
    const Node& node = program_.graph[id];
    const Placement& at = program_.placement({id, result});
    for (std::uint32_t other = 0; other < result; ++other) {
      ir::internal_check(!overlap(at, program_.placement({id, other})),
                         "plan of {}: results of {} overlap", program_.graph.name(), name(id));
    }
    const std::vector<ir::InPlace> rules = ir::in_place_rules(node);
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      const Placement& from = program_.placement(node.operands[i]);
      if (!overlap(at, from)) continue;
      const bool allowed = at.offset == from.offset &&
                           std::any_of(rules.begin(), rules.end(), [&](const ir::InPlace& rule) {
                             return rule.result == result && rule.operand == i;
                           });
      ir::internal_check(allowed, "plan of {}: result {} of {} overwrites operand {}",
                         program_.graph.name(), result, name(id), i);
    }
  }

  /// What the executable does at the end for updates that were not computed in place.
  void copy_update(const ir::Update& update) {
    const auto& states = module_.states();
    const auto state = std::find_if(states.begin(), states.end(),
                                    [&](const ir::State& s) { return s.name == update.state; });
    ir::internal_check(state != states.end(), "plan of {}: there is no state '{}' to update",
                       program_.graph.name(), update.state);
    states_.write(place_of(static_cast<std::size_t>(state - states.begin())), root(update.value));
  }

  /// Every state holds its update in the end, or what it held at the start.
  void check_states() const {
    const ir::Graph& graph = program_.graph;
    for (std::size_t i = 0; i < module_.states().size(); ++i) {
      const std::string& name = module_.states()[i].name;
      const auto update =
          std::find_if(graph.updates().begin(), graph.updates().end(),
                       [&](const ir::Update& entry) { return entry.state == name; });
      const Value owner = update == graph.updates().end() ? owner_of(i) : root(update->value);
      ir::internal_check(states_.owns(place_of(i), owner),
                         "plan of {}: state '{}' holds another value in the end", graph.name(),
                         name);
    }
  }

  Placement place_of(std::size_t state) const {
    return {Space::state, layout_.offsets[state], module_.states()[state].type.bytes()};
  }

  /// Who owns a state's bytes at the start: its node, or nobody that a node could be.
  Value owner_of(std::size_t state) const {
    const auto node = program_.graph.find_state(module_.states()[state].name);
    return node ? *node : Value{NodeId{0xfffffffe}, static_cast<std::uint32_t>(state)};
  }

  const ir::Module& module_;
  const ir::Program& program_;
  ir::StateLayout layout_;
  Owners arena_, states_;
};

}  // namespace

void check_plan(const ir::Module& module, const ir::Program& program) {
  Replay(module, program).run();
}

}  // namespace gptc::passes
