#include "passes/derive.h"

#include <algorithm>
#include <utility>

#include "ir/builder.h"
#include "ir/check.h"
#include "ir/op_def.h"
#include "passes/rewrite.h"

namespace gptc::passes {
namespace {

constexpr std::string_view dropout_counter = "micro_batch";

std::string joined(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) {
    text += (text.empty() ? "" : ", ");
    text += name;
  }
  return text;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

ir::Value required_output(const ir::Graph& graph, std::string_view name) {
  const std::optional<ir::Value> value = graph.find_output(name);
  ir::user_check(value.has_value(), "graph {}: it must return '{}', but it does not", graph.name(),
                 name);
  return *value;
}

void check_input(const ir::Graph& graph, std::string_view name) {
  const std::optional<ir::Value> input = graph.find_input(name);
  ir::user_check(input.has_value(), "graph {}: it must have an input '{}', but there is none",
                 graph.name(), name);
  const ir::Type& type = graph.type(*input);
  ir::user_check(type.dtype == ir::DType::i32 && type.shape.rank() == 2,
                 "graph {}: input '{}' must be i32[BxT], but got {}", graph.name(), name,
                 type.text());
}

void check_scalar(const ir::Graph& graph, std::string_view name) {
  const ir::Type& type = graph.type(required_output(graph, name));
  ir::user_check(ir::is_float(type.dtype) && type.shape.rank() == 0,
                 "graph {}: output '{}' must be a scalar float, but got {}{}", graph.name(), name,
                 type.text(), where(graph.node(required_output(graph, name)).origin));
}

void check_forward(const ir::Graph& graph) {
  check_input(graph, "tokens");
  check_input(graph, "targets");
  for (const ir::NodeId input : graph.inputs()) {
    const std::string& name = graph[input].attrs.string("name");
    ir::user_check(name == "tokens" || name == "targets" || name == dropout_counter,
                   "graph {}: inputs must be tokens, targets and {}, but got '{}'", graph.name(),
                   dropout_counter, name);
  }
  check_scalar(graph, "loss");
  check_scalar(graph, "tokens");
  const ir::Type& logits = graph.type(required_output(graph, "logits"));
  ir::user_check(logits.shape.rank() == 3,
                 "graph {}: output 'logits' must be f32[BxTxV], but got {}", graph.name(),
                 logits.text());
}

/// Keeps the named outputs, in this order.
void keep_outputs(ir::Graph& graph, const std::vector<std::string_view>& names) {
  std::vector<ir::Output> kept;
  kept.reserve(names.size());
  for (const std::string_view name : names) {
    kept.push_back({std::string(name), required_output(graph, name)});
  }
  std::swap(graph.outputs(), kept);
  for (const ir::Output& old : kept) {
    if (graph.alive(old.value.node)) erase_dead(graph, old.value.node);
  }
}

}  // namespace

std::span<const Interface> interfaces() {
  static const std::vector<Interface> table = {
      {"train",
       "one whole step: forward, backward, clipping, AdamW",
       {"tokens", "targets", "micro_batch", "lr", "step"},
       {"loss", "tokens", "grad_norm"},
       true},
      {"micro_step",
       "adds the gradients of the summed loss to grad.*",
       {"tokens", "targets", "micro_batch"},
       {"loss", "tokens"},
       true},
      {"apply",
       "one AdamW step with the accumulated gradients, which it clears",
       {"lr", "step"},
       {"loss", "tokens", "grad_norm"},
       true},
      {"eval",
       "summed loss and token count, without dropout",
       {"tokens", "targets"},
       {"loss", "tokens"}},
      {"logits",
       "logits of position last[b] of a whole text, without dropout",
       {"tokens", "last"},
       {"logits"}},
      {"prefill",
       "logits of position last[b] of a chunk, which is added to the caches",
       {"tokens", "past", "last"},
       {"logits"}},
      {"decode",
       "logits behind one new token, which is added to the caches",
       {"tokens", "past"},
       {"logits"}},
      {"init", "every state takes its initial value", {}, {}},
  };
  return table;
}

const Interface& find_interface(std::string_view graph) {
  const std::span<const Interface> table = interfaces();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const Interface& row) { return row.graph == graph; });
  if (found != table.end()) return *found;
  std::vector<std::string_view> names;
  for (const Interface& row : table) names.push_back(row.graph);
  ir::user_error("derive: the graph must be one of {}, but got '{}'", joined(names), graph);
}

std::vector<const ir::State*> trainable_states(const ir::Module& module) {
  std::vector<const ir::State*> states;
  for (const ir::State& state : module.states()) {
    if (state.train) states.push_back(&state);
  }
  ir::user_check(!states.empty(),
                 "module {}: training needs a state declared with train, but there is none",
                 module.name());
  return states;
}

ir::Value add_argument(ir::Graph& graph, const ir::Module& module, const std::string& name,
                       const ir::Type& type) {
  const ir::State* taken = module.find_state(name);
  ir::user_check(taken == nullptr,
                 "module {}: the name '{}' is that of an argument of {}, but a state has it{}",
                 module.name(), name, graph.name(), taken ? where(taken->origin) : "");
  return graph.add_input(name, type);
}

void declare_state(ir::Module& module, ir::State state) {
  const ir::State* known = module.find_state(state.name);
  if (known == nullptr) return module.add_state(std::move(state));
  ir::user_check(known->type == state.type && !known->train,
                 "module {}: the name '{}' is the compiler's, for a {}, but a state has it as {}{}",
                 module.name(), state.name, state.type.text(), known->type.text(),
                 where(known->origin));
}

bool forward(ir::Graph& graph, const Derivation& derivation) {
  for (const ir::State& state : derivation.module.states()) {
    ir::user_check(state.type.shape.is_concrete(),
                   "state {}: its size must be a number in every graph, but got {}{}", state.name,
                   state.type.text(), where(state.origin));
  }
  const ir::Graph& source = derivation.module.graph("forward");
  check_forward(source);
  std::string name = graph.name();
  graph = source;
  graph.set_name(std::move(name));
  DimSizes sizes = derivation.request.sizes;
  const auto table = interfaces();
  const bool is_chunk = std::ranges::any_of(table, [&](const Interface& row) {
    return row.graph == derivation.request.graph && contains(row.inputs, "past");
  });
  if (is_chunk) sizes.erase('T');  // incremental replaces it
  specialise(graph, sizes, is_chunk ? "T" : "");
  graph.compact();
  return true;
}

bool keep_loss(ir::Graph& graph, const Derivation&) {
  keep_outputs(graph, {"loss", "tokens"});
  return true;
}

bool last_logits(ir::Graph& graph, const Derivation& derivation) {
  keep_outputs(graph, {"logits"});
  ir::Output& logits = graph.outputs().front();
  const ir::Shape& shape = graph.type(logits.value).shape;
  const ir::Value last =
      add_argument(graph, derivation.module, "last", {ir::DType::i32, {shape[0]}});
  ir::Builder builder(graph);
  builder.set_origin(graph.node(logits.value).origin);
  logits.value = builder.op(ir::OpKind::select, {logits.value, last});
  return true;
}

bool inference(ir::Graph& graph, const Derivation&) {
  bool changed = !graph.updates().empty();
  graph.updates().clear();
  ir::Builder builder(graph);
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node node = graph[id];
    const ir::OpDef& def = ir::op_def(node);
    const auto* p = node.attrs.find("p");
    if (p == nullptr || def.operands.back().name != "counter") continue;
    if (std::get<double>(*p) == 0) continue;
    changed = true;
    if (def.operands.back().arity == ir::Arity::one) {  // canonicalize removes the node
      graph.set_attr(id, "p", 0.0);
      continue;
    }
    ir::Node quiet = node;
    quiet.attrs.set("p", 0.0);
    const ir::NodeId made = builder.clone(quiet, {node.operands.begin(), node.operands.end() - 1});
    for (std::uint32_t i = 0; i < node.results.size(); ++i) graph.replace_uses({id, i}, {made, i});
    erase_dead(graph, id);
  }
  return changed;
}

bool exact_products(ir::Graph& graph, const Derivation& derivation) {
  if (!derivation.request.exact) return false;
  bool changed = false;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph[id];
    const std::optional<ir::Quantise>& rule = ir::op_def(node).quantise;
    if (!rule || node.attrs.find("exact") == nullptr || node.attrs.flag("exact")) continue;
    if (graph.type(node.operands[rule->operand]).shape.rank() != 2) continue;
    graph.set_attr(id, "exact", true);
    changed = true;
  }
  return changed;
}

bool drop_inputs(ir::Graph& graph, const Derivation& derivation) {
  const Interface& interface = find_interface(derivation.request.graph);
  bool changed = false;
  for (const ir::NodeId input : std::vector(graph.inputs())) {
    const std::string name = graph[input].attrs.string("name");
    if (contains(interface.inputs, name)) continue;
    ir::user_check(!graph.has_uses(input),
                   "graph {}: it must depend on nothing but {}, but it reads '{}'", graph.name(),
                   joined(interface.inputs), name);
    graph.erase(input);
    changed = true;
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes
