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
  lowering_ = {.seed = options.seed,
               .dtype = options.dtype,
               .exact = options.exact,
               .grad_dtype = options.grad_dtype,
               .train = options.train,
               .context = pass_context(*backend_),
               .log = options.log,
               .allocated_bytes = allocated_bytes(*backend_),
               .memory_budget = options.memory_budget,
               .memory_taken = options.memory_taken};
  lowering_.context.explain = options.explain;
  waiting_ = graphs;
  waiting_.push_back({std::string(init_label), "init", {}, true});
  const auto first_later =
      std::stable_partition(waiting_.begin(), waiting_.end(), [&](const GraphRequest& request) {
        return !request.on_first_use || options.memory_budget > 0;
      });
  lower({waiting_.begin(), first_later});
  waiting_.erase(waiting_.begin(), first_later);
  states_ = std::make_unique<runtime::StateStore>(module_);
  make_room();
}

void CompiledModel::lower(const std::vector<GraphRequest>& requests) {
  for (PlannedGraph& planned : lower_and_plan(module_, requests, lowering_)) {
    arena_bytes_ = std::max(arena_bytes_, planned.program.arena_bytes);
    allocated_bytes_ = std::max(allocated_bytes_, planned.allocated_bytes);
    const bool fresh =
        units_.emplace(planned.label, Unit{std::move(planned.program), {}, {}}).second;
    ir::internal_check(fresh, "compile: two graphs are labelled '{}'", planned.label);
  }
  return_free_memory();
}

void CompiledModel::lower_waiting(std::string_view label) {
  const auto found = std::ranges::find(waiting_, label, &GraphRequest::label);
  if (found == waiting_.end()) return;
  const GraphRequest request = std::move(*found);
  waiting_.erase(found);
  const std::size_t states = module_.states().size();
  lower({request});
  ir::internal_check(module_.states().size() == states,
                     "compile: graph {} declares states, so it must not wait", label);
  make_room();
}

void CompiledModel::request(GraphRequest graph) {
  const bool waits =
      std::ranges::find(waiting_, graph.label, &GraphRequest::label) != waiting_.end();
  if (!waits && !is_lowered(graph.label)) waiting_.push_back(std::move(graph));
}

void CompiledModel::drop(std::string_view label) {
  const auto found = units_.find(label);
  if (found != units_.end()) units_.erase(found);
  std::erase_if(waiting_, [&](const GraphRequest& request) { return request.label == label; });
}

/// Kernels know where the arena lies: in a larger one they are built again.
void CompiledModel::make_room() {
  if (arena_ && arena_->bytes() >= arena_bytes_) return;
  for (auto& [label, built] : units_) built.executable.reset();
  arena_.reset();
  arena_ = std::make_unique<runtime::Memory>(arena_bytes_);
}

CompiledModel::Unit& CompiledModel::unit(std::string_view label) {
  lower_waiting(label);
  const auto found = units_.find(label);
  ir::internal_check(found != units_.end(), "compile: no graph is labelled '{}'", label);
  return found->second;
}

std::int64_t CompiledModel::planned_bytes() {
  while (!waiting_.empty()) lower_waiting(std::string(waiting_.back().label));
  return states_->bytes() + arena_->bytes() + allocated_bytes_;
}

void CompiledModel::prepare(std::string_view label) {
  Unit& wanted = unit(label);
  if (wanted.executable) return;
  for (const ir::Update& update : wanted.program.graph.updates())
    ir::internal_check(!states_->is_borrowed(update.state),
                       "graph {} writes state {}, whose bytes are lent", label, update.state);
  wanted.executable = backend_->compile(wanted.program, *arena_, *states_);
  if (wanted.hook) wanted.executable->set_profile_hook(wanted.hook);
  return_free_memory();  // what compiling took for a while
}

void CompiledModel::run(std::string_view label, std::span<const runtime::Binding> inputs,
                        std::span<const runtime::Binding> outputs) {
  prepare(label);
  unit(label).executable->run(inputs, outputs);
}

void CompiledModel::profile(std::string_view label, runtime::ProfileHook hook) {
  prepare(label);
  unit(label).hook = std::move(hook);
  unit(label).executable->set_profile_hook(unit(label).hook);
}

void CompiledModel::initialise() {
  run(init_label, {}, {});
  unit(init_label).executable.reset();  // it runs once
  return_free_memory();
}

void CompiledModel::borrow(std::string_view state, std::span<const std::byte> bytes,
                           std::shared_ptr<const void> owner) {
  for (const auto& [label, built] : units_) {
    if (built.executable != nullptr)
      ir::internal_error("graph {} is built: {} cannot move", label, state);
  }
  states_->borrow(state, bytes, std::move(owner));
}

const ir::Program& CompiledModel::program(std::string_view label) { return unit(label).program; }

bool CompiledModel::has_input(std::string_view label, std::string_view input) {
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
