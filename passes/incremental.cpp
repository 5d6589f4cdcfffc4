#include "passes/incremental.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "ir/builder.h"
#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"

namespace gptc::passes {
namespace {

constexpr char positions = 'T';
constexpr char cache_length = 'S';

std::int64_t size_of(const Derivation& derivation, char name) {
  const auto found = derivation.request.sizes.find(name);
  ir::user_check(found != derivation.request.sizes.end() && found->second >= 1,
                 "graph {}: it needs a size of at least 1 for '{}'", derivation.request.graph,
                 name);
  return found->second;
}

/// The graph that is made, with what all its steps share.
class Chunk {
 public:
  Chunk(const ir::Graph& whole, const Derivation& derivation)
      : derivation_(derivation),
        made_(whole.name()),
        builder_(made_),
        chunk_(size_of(derivation, positions)),
        length_(size_of(derivation, cache_length)) {
    ir::user_check(chunk_.size() <= length_.size(),
                   "graph {}: a chunk must fit the cache's {} positions, but has {}", whole.name(),
                   length_.size(), chunk_.size());
  }

  ir::Builder& builder() { return builder_; }
  ir::Dim chunk() const { return chunk_; }
  ir::Value past() const { return past_.value(); }
  ir::Graph take() { return std::move(made_); }

  /// tokens[B,T] comes with past[B]; other inputs stay.
  ir::Positioned input(const ir::Graph& whole, ir::NodeId id) {
    const std::string& name = whole[id].attrs.string("name");
    ir::Type type = whole[id].results[0];
    const auto axis = axis_of(type.shape);
    if (axis) type.shape[*axis] = chunk_;
    const ir::Value value = made_.add_input(name, type);
    if (name == "tokens") {
      past_ = add_argument(made_, derivation_.module, "past", {ir::DType::i32, {type.shape[0]}});
    }
    return {value, axis};
  }

  /// Each value is kept once, whoever reads it, or once for each way to part it into heads.
  ir::Value cached(const ir::Positioned& x, const ir::Origin& origin, std::string_view name,
                   std::optional<std::int64_t> heads) {
    const auto known = caches_.find({x.value, heads});
    if (known != caches_.end()) return known->second;
    ir::Type type = builder_.type(x.value);
    type.shape[1] = length_;
    if (heads) {
      const ir::Dim size(type.shape[2].size() / *heads);
      type.shape = {type.shape[0], ir::Dim(*heads), length_, size};
    }
    ir::State state = {.name = cache_name(origin.scope, name), .type = type, .origin = origin};
    declare_state(derivation_.module, state);
    const ir::Value old = made_.state(state.name, type);
    const ir::Value written =
        builder_.op(ir::OpKind::cache_write, {old, before_rounding(x.value), past()});
    made_.updates().push_back({state.name, written});
    caches_.emplace(std::pair(x.value, heads), written);
    return written;
  }

  static std::optional<std::size_t> axis_of(const ir::Shape& shape) {
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == ir::Dim::named(positions)) return axis;
    }
    return std::nullopt;
  }

 private:
  /// A cache rounds by itself.
  ir::Value before_rounding(ir::Value x) const {
    const ir::Node& node = made_.node(x);
    if (node.kind != ir::OpKind::cast || node.results[0].dtype != ir::DType::bf16) return x;
    return made_.type(node.operands[0]).dtype == ir::DType::f32 ? node.operands[0] : x;
  }
  /// The same in every graph of the model, as all have the same nodes in the same order.
  std::string cache_name(const std::string& scope, std::string_view operand) {
    std::string name(cache_prefix);
    if (!scope.empty()) name += scope + ".";
    name += operand;
    const std::string first = name;
    for (int ordinal = 2; !names_.insert(name).second; ++ordinal)
      name = fmt::format("{}.{}", first, ordinal);
    return name;
  }

  const Derivation& derivation_;
  ir::Graph made_;
  ir::Builder builder_;
  ir::Dim chunk_;
  ir::Dim length_;
  std::optional<ir::Value> past_;
  std::map<std::pair<ir::Value, std::optional<std::int64_t>>, ir::Value> caches_;
  std::set<std::string> names_;
};

class Step final : public ir::Incremental {
 public:
  Step(Chunk& chunk, const ir::Graph& whole, ir::NodeId id,
       std::span<const ir::Positioned> new_operands)
      : ir::Incremental(chunk.builder(), whole, id, new_operands), chunk_(chunk) {}

  ir::Dim chunk() const override { return chunk_.chunk(); }
  ir::Value past() override { return chunk_.past(); }
  ir::Value cached(const ir::Positioned& x, std::string_view name,
                   std::optional<std::int64_t> heads) override {
    return chunk_.cached(x, graph[node].origin, name, heads);
  }

 private:
  Chunk& chunk_;
};

using Values = std::map<ir::Value, ir::Positioned>;

const ir::Positioned& find(const ir::Graph& whole, const Values& values, ir::Value old) {
  const auto found = values.find(old);
  ir::user_check(found != values.end(),
                 "{}: its result {} cannot be had for new positions only, but something reads it",
                 ir::op_def(whole.node(old)).name, old.result);
  return found->second;
}

/// Whether the node is about positions at all; others are copied as they are.
bool has_positions(const ir::Node& node, const std::vector<ir::Positioned>& operands) {
  const auto here = [](const ir::Positioned& x) { return x.axis.has_value(); };
  const auto made = [](const ir::Type& type) { return Chunk::axis_of(type.shape).has_value(); };
  return std::ranges::any_of(operands, here) || std::ranges::any_of(node.results, made);
}

std::vector<ir::Positioned> copied(Chunk& chunk, const ir::Node& node,
                                   const std::vector<ir::Positioned>& operands) {
  std::vector<ir::Value> values;
  for (const ir::Positioned& x : operands) values.push_back(x.value);
  const ir::NodeId made = chunk.builder().clone(node, values);
  std::vector<ir::Positioned> results;
  for (std::uint32_t i = 0; i < node.results.size(); ++i) results.push_back({{made, i}});
  return results;
}

std::vector<ir::Positioned> rebuild(Chunk& chunk, const ir::Graph& whole, ir::NodeId id,
                                    const Values& values) {
  const ir::Node& node = whole[id];
  if (node.kind == ir::OpKind::input) return {chunk.input(whole, id)};
  if (node.kind == ir::OpKind::state) {
    return {{chunk.builder().graph().state(node.attrs.string("name"), node.results[0])}};
  }
  std::vector<ir::Positioned> operands;
  for (const ir::Value old : node.operands) operands.push_back(find(whole, values, old));
  chunk.builder().set_origin(node.origin);
  if (!has_positions(node, operands)) return copied(chunk, node, operands);
  Step step(chunk, whole, id, operands);
  return ir::run_incremental(step);
}

}  // namespace

bool incremental(ir::Graph& graph, const Derivation& derivation) {
  Chunk chunk(graph, derivation);
  Values values;
  // Inputs first: rules ask for past.
  std::vector<ir::NodeId> order(graph.inputs());
  for (const ir::NodeId id : ir::topological_order(graph)) {
    if (graph[id].kind != ir::OpKind::input) order.push_back(id);
  }
  for (const ir::NodeId id : order) {
    const std::vector<ir::Positioned> results = rebuild(chunk, graph, id, values);
    for (std::uint32_t i = 0; i < results.size(); ++i) values.emplace(ir::Value{id, i}, results[i]);
  }
  std::vector<ir::Output> outputs = graph.outputs();
  for (ir::Output& output : outputs) output.value = find(graph, values, output.value).value;
  graph = chunk.take();
  graph.outputs() = std::move(outputs);
  graph.compact();
  return true;
}

}  // namespace gptc::passes
