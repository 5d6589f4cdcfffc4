#include "backends/reference/interpreter.h"

#include <optional>
#include <utility>

#include "backends/reference/kernel.h"
#include "ir/builder.h"
#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"

namespace gptc::reference {

namespace {

template <class F>
const HostTensor<F>& checked_input(const Tensors<F>& inputs, const std::string& name,
                                   const ir::Type& type) {
  const auto found = inputs.find(name);
  ir::user_check(found != inputs.end(), "input '{}': a {} must be given, but there is none", name,
                 type.text());
  ir::user_check(found->second.type == type, "input '{}': the type must be {}, but got {}", name,
                 type.text(), found->second.type.text());
  return found->second;
}

/// The values of one graph while it runs; each is dropped behind its last use.
template <class F>
class Frame {
 public:
  Frame(const ir::Graph& graph, Composites composites)
      : graph_(graph), composites_(composites), values_(graph.slots()), uses_(graph.slots()) {
    for (const ir::NodeId id : graph.nodes())
      for (const ir::Value operand : graph[id].operands) ++uses_[operand.node.index];
    for (const ir::Output& output : graph.outputs()) ++uses_[output.value.node.index];
    for (const ir::Update& update : graph.updates()) ++uses_[update.value.node.index];
  }

  void set(ir::NodeId id, HostTensor<F> value) { values_[id.index].push_back(std::move(value)); }

  void compute(ir::NodeId id) {
    const ir::Node& node = graph_[id];
    std::vector<const HostTensor<F>*> operands;
    for (const ir::Value operand : node.operands) operands.push_back(&at(operand));
    values_[id.index] = evaluate<F>(node, operands, composites_);
    for (const ir::Value operand : node.operands)
      if (--uses_[operand.node.index] == 0) values_[operand.node.index].clear();
  }

  const HostTensor<F>& at(ir::Value value) const {
    const auto& results = values_[value.node.index];
    ir::internal_check(value.result < results.size(), "reference: node {} is used before it is set",
                       value.node.index);
    return results[value.result];
  }

 private:
  const ir::Graph& graph_;
  Composites composites_;
  std::vector<std::vector<HostTensor<F>>> values_;
  std::vector<std::size_t> uses_;
};

/// Outputs of a graph in their order, for values given to its inputs in their order.
template <class F>
std::vector<HostTensor<F>> run_closed(const ir::Graph& graph,
                                      std::span<const HostTensor<F>* const> arguments,
                                      Composites composites) {
  Frame<F> frame(graph, composites);
  ir::internal_check(arguments.size() == graph.inputs().size(),
                     "reference: {} arguments for {} inputs", arguments.size(),
                     graph.inputs().size());
  for (std::size_t i = 0; i < arguments.size(); ++i) frame.set(graph.inputs()[i], *arguments[i]);
  for (const ir::NodeId id : ir::topological_order(graph))
    if (graph[id].kind != ir::OpKind::input) frame.compute(id);
  std::vector<HostTensor<F>> results;
  for (const ir::Output& output : graph.outputs()) results.push_back(frame.at(output.value));
  return results;
}

/// The node's decomposition as a graph of its own; nothing where the row has none for it.
std::optional<ir::Graph> decomposition(const ir::OpDef& def, const ir::Node& node,
                                       const std::vector<ir::Type>& operands) {
  if (def.decompose == nullptr) return std::nullopt;
  ir::Graph graph(std::string(def.name));
  std::vector<ir::Value> arguments;
  for (std::size_t i = 0; i < operands.size(); ++i)
    arguments.push_back(graph.add_input("a" + std::to_string(i), operands[i]));
  ir::Builder builder(graph);
  builder.set_origin(node.origin);
  const std::vector<ir::Value> results = def.decompose(builder, node, arguments);
  if (results.empty()) return std::nullopt;
  ir::internal_check(results.size() == node.results.size(),
                     "{}: the decomposition gives {} results for {}", def.name, results.size(),
                     node.results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    ir::internal_check(graph.type(results[i]) == node.results[i],
                       "{}: result {} is {}, but the decomposition gives {}", def.name, i,
                       node.results[i].text(), graph.type(results[i]).text());
    graph.outputs().push_back({"r" + std::to_string(i), results[i]});
  }
  return graph;
}

}  // namespace

template <class F>
std::vector<HostTensor<F>> evaluate(const ir::Node& node,
                                    std::span<const HostTensor<F>* const> operands,
                                    Composites composites) {
  const ir::OpDef& def = ir::op_def(node);
  const KernelFn<F> kernel = find_kernel<F>(node.kind);
  const bool has_own = kernel != nullptr || node.body != nullptr;
  if (composites == Composites::by_decomposition || !has_own) {
    std::vector<ir::Type> types;
    for (const HostTensor<F>* operand : operands) types.push_back(operand->type);
    const std::optional<ir::Graph> parts = decomposition(def, node, types);
    if (parts) return run_closed<F>(*parts, operands, composites);
  }
  if (node.body != nullptr) return run_closed<F>(*node.body, operands, composites);
  ir::internal_check(kernel != nullptr, "reference: op '{}' has no kernel", def.name);
  Call<F> call{node, operands, {}};
  for (const ir::Type& type : node.results) call.results.emplace_back(type);
  kernel(call);
  for (HostTensor<F>& result : call.results) round_to_type(result);
  return std::move(call.results);
}

template <class F>
Tensors<F> run(const ir::Graph& graph, const Tensors<F>& inputs, Tensors<F>& states,
               Composites composites) {
  Frame<F> frame(graph, composites);
  for (const ir::NodeId id : ir::topological_order(graph)) {
    const ir::Node& node = graph[id];
    if (node.kind == ir::OpKind::input) {
      frame.set(id, checked_input(inputs, node.attrs.string("name"), node.results[0]));
    } else if (node.kind == ir::OpKind::state) {
      const auto state = states.find(node.attrs.string("name"));
      ir::internal_check(state != states.end() && state->second.type == node.results[0],
                         "reference: state '{}' is missing or has another type",
                         node.attrs.string("name"));
      frame.set(id, state->second);
    } else {
      frame.compute(id);
    }
  }
  Tensors<F> outputs;
  for (const ir::Output& output : graph.outputs()) outputs[output.name] = frame.at(output.value);
  for (const ir::Update& update : graph.updates()) states[update.state] = frame.at(update.value);
  return outputs;
}

template std::vector<HostTensor<double>> evaluate(const ir::Node&,
                                                  std::span<const HostTensor<double>* const>,
                                                  Composites);
template std::vector<HostTensor<float>> evaluate(const ir::Node&,
                                                 std::span<const HostTensor<float>* const>,
                                                 Composites);
template Tensors<double> run(const ir::Graph&, const Tensors<double>&, Tensors<double>&,
                             Composites);
template Tensors<float> run(const ir::Graph&, const Tensors<float>&, Tensors<float>&, Composites);

}  // namespace gptc::reference
