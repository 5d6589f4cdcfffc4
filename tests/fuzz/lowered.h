// A random model's graphs, lowered in several ways, and their numbers.
#pragma once

#include <string>

#include "backends/backend.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/values.h"

namespace gptc::testing {

struct Lowered {
  ir::Module module;  // with the states the graph needs
  std::string name;
  const ir::Graph& graph() const { return module.graph(name); }
};

/// By the steps that give the graph its meaning, without any pass.
Lowered lower_plainly(const RandomModel& model, const std::string& graph);
/// By the whole pipeline; text round trip after every stage.
Lowered lower_fully(const RandomModel& model, const std::string& graph,
                    const runtime::Backend& backend, const Plant* plant);

passes::PassContext context_for(const runtime::Backend& backend);

/// What a run begins with.
struct Start {
  Tensors arguments;
  Tensors states;
};
Start start_of(const Lowered& lowered, std::int64_t vocabulary, std::uint64_t seed);
std::int64_t vocabulary_of(const RandomModel& model);

/// Outputs, and the states after the run as "state.<name>".
template <class F>
Tensors run_reference(const Lowered& lowered, const Start& start);
/// On planned memory, poisoned before the run.
Tensors run_backend(const Lowered& lowered, const Start& start, const runtime::Backend& backend,
                    const Plant* plant);

}  // namespace gptc::testing
