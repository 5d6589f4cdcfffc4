// A model compiled: its graphs lowered and planned, one block of state, one arena for all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "frontend/dsl/model.h"
#include "passes/store_weights.h"
#include "tools/driver/lowering.h"

namespace gptc::driver {

struct CompileOptions {
  std::string backend = "onednn";
  int threads = 0;         // 0: all there are
  std::uint64_t seed = 0;  // of initial values and dropout
  passes::TrainOptions train = {};
  ir::DType dtype = ir::DType::f32;       // what products compute in: f32 or bf16
  bool exact = false;                     // logits have the same bits whatever way a text is read
  ir::DType grad_dtype = ir::DType::f32;  // what gradients are kept in: f32 or bf16
  /// How weights are stored where no graph trains; nothing: as they are declared.
  std::optional<passes::WeightStore> weights = {};
  std::int64_t memory_budget = 0;  // what all of it may take together; 0: no limit
  std::int64_t memory_taken = 0;   // of that, by others: tokens in memory
  /// One line each: decisions of the fusions, times of the passes.
  std::function<void(std::string_view)> explain = {};
  std::function<void(std::string_view)> log = {};
};

/// Graphs are lowered and planned when the object is made, those that may wait before their first
/// use; a graph's kernels are built before its first run. So a graph that never runs costs little.
/// Movable, not copyable.
class CompiledModel {
 public:
  /// UserError for what is wrong with the model, its settings or the requests.
  CompiledModel(const dsl::Model& model, const dsl::Config& config,
                const std::vector<GraphRequest>& graphs, const CompileOptions& options);

  /// One more graph, to be lowered before its first run, unless its label is known: its states are
  /// declared already.
  void request(GraphRequest graph);
  /// Whether the graph of this label waits no longer.
  [[nodiscard]] bool is_lowered(std::string_view label) const { return units_.contains(label); }
  /// Forgets a graph.
  void drop(std::string_view label);

  /// Runs the graph of this label; bindings as in runtime::Executable::run.
  void run(std::string_view label, std::span<const runtime::Binding> inputs,
           std::span<const runtime::Binding> outputs);
  /// Builds a graph's kernels now, as run() would.
  void prepare(std::string_view label);
  /// Calls `hook` after each node of this graph's runs; an empty one stops that.
  void profile(std::string_view label, runtime::ProfileHook hook);
  /// Sets every state to its initial value by the seed.
  void initialise();
  /// The state's bytes are the owner's from now on, as StateStore::borrow says; before any graph's
  /// kernels are built. A graph that would write them cannot run (InternalError).
  void borrow(std::string_view state, std::span<const std::byte> bytes,
              std::shared_ptr<const void> owner);

  [[nodiscard]] const ir::Module& module() const { return module_; }
  [[nodiscard]] runtime::StateStore& states() { return *states_; }
  [[nodiscard]] const ir::Program& program(std::string_view label);
  [[nodiscard]] bool has_input(std::string_view label, std::string_view input);
  /// States, the arena that all graphs share, and what a library allocates while they run: what the
  /// plan says the model takes. Lowers what has waited.
  [[nodiscard]] std::int64_t planned_bytes();
  /// What became of a parameter that is not stored as it was declared; else null.
  [[nodiscard]] const passes::StoredWeight* stored(std::string_view parameter) const;
  /// Whether no graph changes the parameters, `init` apart.
  [[nodiscard]] bool only_reads_parameters() const { return only_reads_parameters_; }
  /// As the options say.
  [[nodiscard]] int threads() const { return threads_; }
  /// The states as the model declares them.
  [[nodiscard]] const ir::Module& declared() const { return declared_; }
  /// The module's states with `train`, in declaration order.
  [[nodiscard]] std::vector<std::string> parameters() const;

 private:
  struct Unit {
    ir::Program program;
    std::unique_ptr<runtime::Executable> executable;
    runtime::ProfileHook hook;
  };
  [[nodiscard]] Unit& unit(std::string_view label);
  void lower(const std::vector<GraphRequest>& requests);
  void lower_waiting(std::string_view label);
  void make_room();

  std::unique_ptr<runtime::Backend> backend_;
  int threads_;
  bool only_reads_parameters_;
  ir::Module module_;
  ir::Module declared_;  // states only
  std::vector<passes::StoredWeight> stored_;
  LoweringOptions lowering_;
  std::vector<GraphRequest> waiting_;
  std::map<std::string, Unit, std::less<>> units_;
  std::unique_ptr<runtime::StateStore> states_;
  std::unique_ptr<runtime::Memory> arena_;
  std::int64_t arena_bytes_ = 0;  // that the graphs so far need
  std::int64_t allocated_bytes_ = 0;
};

}  // namespace gptc::driver
