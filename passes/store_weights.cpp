#include "passes/store_weights.h"

#include <algorithm>
#include <optional>

#include "ir/builder.h"
#include "ir/check.h"
#include "ir/op_def.h"

namespace gptc::passes {
namespace {

using ir::DType;
using ir::Value;

constexpr std::int64_t group = 32;  // values with one scale, in i4

/// How ops read a parameter: with its channels as rows or as columns, or in no way that could be
/// told of another form.
struct Readers {
  bool by_rows = false;
  bool by_columns = false;
  bool whole = false;  // by one of them, in every run
  bool otherwise = false;

  /// Whether its channels may become rows.
  bool can_transpose() const { return by_columns && !by_rows && !otherwise; }
  /// Whether each reader can do with whole numbers and a scale per channel, as rows, and it pays.
  bool can_quantise() const { return whole && !otherwise && !(by_rows && by_columns); }
};

Readers readers_of(const ir::Graph& graph, Value state) {
  Readers readers;
  for (const ir::Use& use : graph.uses(state)) {
    const ir::Node& user = graph[use.node];
    const std::optional<ir::Quantise>& rule = ir::op_def(user).quantise;
    const bool is_matrix = rule && rule->operand == use.operand;
    const bool as_rows = is_matrix && rule->channels(user) == 0;
    if (!is_matrix || (!as_rows && rule->transposed == nullptr)) {
      readers.otherwise = true;
      continue;
    }
    (as_rows ? readers.by_rows : readers.by_columns) = true;
    readers.whole = readers.whole || rule->reads_whole;
  }
  return readers;
}

ir::State& find(ir::Module& module, const std::string& name) {
  for (ir::State& state : module.states()) {
    if (state.name == name) return state;
  }
  ir::internal_error("store_weights: there is no state {}", name);
}

/// With its channels as rows.
ir::Shape stored_shape(const StoredWeight& weight) {
  const ir::Shape& shape = weight.declared.shape;
  return weight.transposed ? ir::Shape{shape[1], shape[0]} : shape;
}

/// A matrix of whole numbers, and how its readers read it.
class Quantiser {
 public:
  Quantiser(ir::Module& module, ir::Graph& graph, StoredWeight weight)
      : graph_(graph), builder_(graph), weight_(std::move(weight)) {
    const ir::Shape shape = stored_shape(weight_);
    const ir::Dim rows = shape[0];
    const ir::Dim inner = shape[1];
    const bool halves = weight_.store == WeightStore::i4;
    ir::State& state = find(module, weight_.name);
    state.type = {DType::i8, {rows, halves ? ir::Dim(inner.size() / 2) : inner}};
    state.init = {};
    numbers_ = state.type;
    scale_type_.shape = {rows};
    if (halves) scale_type_.shape = {rows, ir::Dim(inner.size() / group)};
    ir::State scale;
    scale.name = scale_name(weight_.name);
    scale.type = scale_type_;
    scale.origin = state.origin;
    module.add_state(std::move(scale));
  }

  void run(ir::NodeId state) {
    const std::vector<ir::Use> uses = graph_.uses({state, 0});
    graph_.set_result_type(state, 0, numbers_);
    const ir::QuantisedMatrix matrix = {
        .numbers = {state, 0},
        .scales = graph_.state(scale_name(weight_.name), scale_type_),
        .in_groups = weight_.store == WeightStore::i4};
    for (const ir::Use& use : uses) {
      const ir::Node user = graph_[use.node];
      builder_.set_origin(user.origin);
      const Value made = ir::op_def(user).quantise.value().build(builder_, user, matrix);
      graph_.replace_uses({use.node, 0}, made);
      graph_.erase(use.node);
    }
  }

 private:
  ir::Graph& graph_;
  ir::Builder builder_;
  StoredWeight weight_;
  ir::Type numbers_;
  ir::Type scale_type_;
};

/// A matrix of floats. Readers get it widened; canonicalize brings narrowing and widening together.
void store_floats(ir::Module& module, ir::Graph& graph, ir::NodeId state,
                  const StoredWeight& weight) {
  ir::State& declared = find(module, weight.name);
  const bool narrow = weight.store == WeightStore::bf16;
  declared.type = {narrow ? DType::bf16 : DType::f32, stored_shape(weight)};
  declared.init = {};
  const std::vector<ir::Use> uses = graph.uses({state, 0});
  graph.set_result_type(state, 0, declared.type);
  ir::Builder builder(graph);
  builder.set_origin(graph[state].origin);
  Value read = {state, 0};
  if (narrow) read = builder.op(ir::OpKind::cast, {read}, {{"dtype", DType::f32}});
  for (const ir::Use& use : uses) {
    graph.set_operand(use.node, use.operand, read);
    if (!weight.transposed) continue;
    const ir::Node user = graph[use.node];
    for (const auto& [name, attribute] : ir::op_def(user).quantise.value().transposed(user))
      graph.set_attr(use.node, name, attribute);
  }
}

std::optional<StoredWeight> decide(const ir::Graph& graph, const ir::State& state, Value value,
                                   WeightStore store) {
  const ir::Shape& shape = state.type.shape;
  if (!state.train || state.type.dtype != DType::f32 || shape.rank() < 2) return std::nullopt;
  const Readers readers = readers_of(graph, value);
  const bool is_matrix = shape.rank() == 2;
  StoredWeight weight = {.name = state.name,
                         .declared = state.type,
                         .store = store,
                         .transposed = is_matrix && readers.can_transpose()};
  if (store == WeightStore::bf16) return weight;
  if (store == WeightStore::f32) return weight.transposed ? std::optional(weight) : std::nullopt;
  if (!is_matrix || !readers.can_quantise()) return std::nullopt;
  const std::int64_t inner = stored_shape(weight)[1].size();
  return store == WeightStore::i8 || inner % group == 0 ? std::optional(weight) : std::nullopt;
}

}  // namespace

std::string scale_name(const std::string& parameter) { return parameter + ".scale"; }

std::vector<StoredWeight> store_weights(ir::Module& module, WeightStore store) {
  std::vector<StoredWeight> changed;
  ir::Graph& graph = module.graph("forward");
  const std::vector<ir::State> states = module.states();  // grows by scales
  for (const ir::State& state : states) {
    const std::optional<Value> value = graph.find_state(state.name);
    if (!value) continue;
    const std::optional<StoredWeight> weight = decide(graph, state, *value, store);
    if (!weight) continue;
    if (has_scales(store)) {
      Quantiser(module, graph, *weight).run(value->node);
    } else {
      store_floats(module, graph, value->node, *weight);
    }
    changed.push_back(*weight);
  }
  graph.compact();
  return changed;
}

}  // namespace gptc::passes
