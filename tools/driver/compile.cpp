#include "tools/driver/compile.h"

#include <algorithm>
#include <utility>

#include "ir/check.h"
#include "tools/driver/backends.h"
#include "tools/driver/memory.h"

namespace gptc::driver {
namespace {

constexpr std::string_view init_label = "init";

}  // namespace

CompiledModel::CompiledModel(const dsl::Model& model, const dsl::Config& config,
                             const std::vector<GraphRequest>& graphs, const CompileOptions& options)
    : backend_(make_backend(options.backend, options.threads)),
      threads_(options.threads),
      only_reads_parameters_(options.weights.has_value()),
      module_(dsl::declare(model, config, options.seed)) {
  for (const ir::State& state : module_.states()) declared_.add_state(state);
  if (options.weights) stored_ = passes::store_weights(module_, *options.weights);
  LoweringOptions lowering = {.seed = options.seed,
                              .dtype = options.dtype,
                              .exact = options.exact,
                              .grad_dtype = options.grad_dtype,
                              .train = options.train,
                              .context = pass_context(*backend_),
                              .log = options.log,
                              .allocated_bytes = allocated_bytes(*backend_),
                              .memory_budget = options.memory_budget,
                              .memory_taken = options.memory_taken};
  lowering.context.explain = options.explain;
  std::vector<GraphRequest> requests = graphs;
  requests.push_back({std::string(init_label), "init", {}});
  std::int64_t arena = 0;
  for (PlannedGraph& planned : lower_and_plan(module_, requests, lowering)) {
    arena = std::max(arena, planned.program.arena_bytes);
    allocated_bytes_ = std::max(allocated_bytes_, planned.allocated_bytes);
    const bool fresh =
        units_.emplace(planned.label, Unit{std::move(planned.program), nullptr}).second;
    ir::internal_check(fresh, "compile: two graphs are labelled '{}'", planned.label);
  }
  module_.graphs().clear();  // the programs have their own
  return_free_memory();
  states_ = std::make_unique<runtime::StateStore>(module_);
  arena_ = std::make_unique<runtime::Memory>(arena);
}

const CompiledModel::Unit& CompiledModel::unit(std::string_view label) const {
  const auto found = units_.find(label);
  ir::internal_check(found != units_.end(), "compile: no graph is labelled '{}'", label);
  return found->second;
}

CompiledModel::Unit& CompiledModel::unit(std::string_view label) {
  const auto found = units_.find(label);
  ir::internal_check(found != units_.end(), "compile: no graph is labelled '{}'", label);
  return found->second;
}

void CompiledModel::prepare(std::string_view label) {
  Unit& wanted = unit(label);
  if (wanted.executable) return;
  for (const ir::Update& update : wanted.program.graph.updates())
    ir::internal_check(!states_->is_borrowed(update.state),
                       "graph {} writes state {}, whose bytes are lent", label, update.state);
  wanted.executable = backend_->compile(wanted.program, *arena_, *states_);
  return_free_memory();  // what compiling took for a while
}

void CompiledModel::run(std::string_view label, std::span<const runtime::Binding> inputs,
                        std::span<const runtime::Binding> outputs) {
  prepare(label);
  unit(label).executable->run(inputs, outputs);
}

void CompiledModel::profile(std::string_view label, runtime::ProfileHook hook) {
  prepare(label);
  unit(label).executable->set_profile_hook(std::move(hook));
}

void CompiledModel::initialise() {
  run(init_label, {}, {});
  unit(init_label).executable.reset();  // it runs once
  return_free_memory();
}

void CompiledModel::borrow(std::string_view state, std::span<const std::byte> bytes,
                           std::shared_ptr<const void> owner) {
  for (const auto& [label, built] : units_)
    ir::internal_check(built.executable == nullptr, "graph {} is built: {} cannot move", label,
                       state);
  states_->borrow(state, bytes, std::move(owner));
}

const ir::Program& CompiledModel::program(std::string_view label) const {
  return unit(label).program;
}

bool CompiledModel::has_input(std::string_view label, std::string_view input) const {
  return unit(label).program.graph.find_input(input).has_value();
}

const passes::StoredWeight* CompiledModel::stored(std::string_view parameter) const {
  const auto found = std::ranges::find(stored_, parameter, &passes::StoredWeight::name);
  return found == stored_.end() ? nullptr : &*found;
}

std::vector<std::string> CompiledModel::parameters() const {
  std::vector<std::string> names;
  for (const ir::State& state : module_.states()) {
    if (state.train) names.push_back(state.name);
  }
  return names;
}

}  // namespace gptc::driver
