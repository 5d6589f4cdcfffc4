#include "tests/fuzz/lowered.h"

#include <algorithm>
#include <deque>

#include "backends/reference/interpreter.h"
#include "ir/verify.h"
#include "passes/compile.h"
#include "passes/pipelines.h"
#include "passes/plan_memory.h"
#include "tests/support/random_values.h"

namespace gptc::testing {
namespace {

constexpr int poison = 0xff;  // as floats NaN, as ids out of range

passes::DeriveRequest request_for(const RandomModel& model, const std::string& graph) {
  return {.graph = graph, .sizes = model.sizes};
}

/// The text of the graph in hand, beside the states there are, parses back.
void check_text(const ir::Module& module, const ir::Graph& graph) {
  ir::Module alone(module.name());
  for (const ir::State& state : module.states()) alone.add_state(state);
  alone.add_graph(graph);
  ir::verify(alone);
  ir::verify_text(alone);
}

/// The pipeline with the plant's fault in front of the last clean-up.
std::vector<passes::Row> planted_rows(const std::string& graph, const passes::Stage& fault) {
  std::vector<passes::Row> rows = passes::pipeline(graph);
  const auto place = std::find_if(rows.begin(), rows.end(), [](const passes::Row& row) {
    return row.stage->name == "decompose_unsupported";
  });
  rows.insert(place, {&fault, "a fault"});
  return rows;
}

template <class F>
Tensors named(const reference::Tensors<F>& outputs, const reference::Tensors<F>& states) {
  Tensors values;
  const auto add = [&](const std::string& name, const reference::HostTensor<F>& tensor) {
    reference::HostTensor<double>& wide = values[name];
    wide.type = tensor.type;
    wide.ints = tensor.ints;
    wide.reals.assign(tensor.reals.begin(), tensor.reals.end());
  };
  for (const auto& [name, tensor] : outputs) add(name, tensor);
  for (const auto& [name, tensor] : states) add("state." + name, tensor);
  return values;
}

reference::Tensors<double> converted(const Tensors& tensors, double) { return tensors; }
reference::Tensors<float> converted(const Tensors& tensors, float) { return as_float(tensors); }

}  // namespace

passes::PassContext context_for(const runtime::Backend& backend) {
  passes::PassContext context;
  context.supports = [&](const ir::Graph& graph, ir::NodeId id) {
    return backend.supports(graph, id);
  };
  context.workspace_bytes = [&](const ir::Graph& graph, ir::NodeId id) {
    return backend.workspace_bytes(graph, id);
  };
  return context;
}

Lowered lower_plainly(const RandomModel& model, const std::string& graph) {
  Lowered result{model.module, graph};
  std::vector<passes::Row> rows = passes::pipeline(graph);
  std::erase_if(rows, [](const passes::Row& row) {
    return row.stage->pass != nullptr || row.stage->name == "drop_inputs";
  });
  ir::Graph made(graph);
  passes::run_pipeline(made, rows, {result.module, request_for(model, graph)}, {}, {});
  result.module.add_graph(std::move(made));
  return result;
}

Lowered lower_fully(const RandomModel& model, const std::string& graph,
                    const runtime::Backend& backend, const Plant* plant) {
  Lowered result{model.module, graph};
  const passes::PassContext context = context_for(backend);
  passes::RunnerOptions options;
  options.dump = [&](const passes::Point&, const ir::Graph& made) {
    check_text(result.module, made);
  };
  if (plant == nullptr || plant->graph == nullptr) {
    passes::lower(result.module, request_for(model, graph), context, options);
    return result;
  }
  const passes::Stage fault{"fault", "a fault", plant->graph};
  ir::Graph made(graph);
  passes::run_pipeline(made, planted_rows(graph, fault), {result.module, request_for(model, graph)},
                       context, {});
  result.module.add_graph(std::move(made));
  return result;
}

std::int64_t vocabulary_of(const RandomModel& model) {
  const ir::Graph& graph = model.module.graph("forward");
  return graph.type(*graph.find_output("logits")).shape.back().size();
}

Start start_of(const Lowered& lowered, std::int64_t vocabulary, std::uint64_t seed) {
  return {random_arguments(lowered.graph(), vocabulary, seed),
          random_state_values(lowered.module, seed)};
}

template <class F>
Tensors run_reference(const Lowered& lowered, const Start& start) {
  reference::Tensors<F> states = converted(start.states, F());
  const auto outputs = reference::run<F>(lowered.graph(), converted(start.arguments, F()), states);
  return named<F>(outputs, states);
}
template Tensors run_reference<double>(const Lowered&, const Start&);
template Tensors run_reference<float>(const Lowered&, const Start&);

Tensors run_backend(const Lowered& lowered, const Start& start, const runtime::Backend& backend,
                    const Plant* plant) {
  ir::Program program = passes::plan_memory(lowered.module, lowered.graph(), context_for(backend));
  if (plant != nullptr && plant->plan != nullptr) plant->plan(program);
  runtime::Memory arena(program.arena_bytes);
  std::fill_n(arena.data(), program.arena_bytes, std::byte{poison});
  runtime::StateStore store(lowered.module);
  for (const auto& [name, tensor] : start.states) reference::store(tensor, store.view(name));
  const auto executable = backend.compile(program, arena, store);

  std::deque<runtime::Tensor> storage;
  std::vector<runtime::Binding> arguments;
  std::vector<runtime::Binding> results;
  for (const auto& [name, tensor] : start.arguments) {
    arguments.push_back({name, storage.emplace_back(tensor.type).view()});
    reference::store(tensor, arguments.back().tensor);
  }
  for (const ir::Output& output : program.graph.outputs()) {
    const ir::Type& type = program.graph.type(output.value);
    results.push_back({output.name, storage.emplace_back(type).view()});
  }
  executable->run(arguments, results);
  Tensors outputs;
  Tensors states;
  for (const auto& result : results) {
    outputs[result.name] = reference::load<double>(result.tensor);
  }
  for (const auto& [name, tensor] : start.states) {
    states[name] = reference::load<double>(store.view(name));
  }
  return named<double>(outputs, states);
}

}  // namespace gptc::testing
