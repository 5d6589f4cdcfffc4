// A program bound to memory: kernels built once, then executed in the order of ids.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/onednn/kernel.h"
#include "ir/program.h"

namespace gptc::onednn {

/// Inputs, states and views are bytes that lie somewhere already, or a copy.
bool needs_no_kernel(const ir::Node& node);

class ProgramExecutable final : public runtime::Executable {
 public:
  /// UserError naming the op and its source line if there is no kernel for a node; InternalError if
  /// the plan does not fit the arena or the states.
  ProgramExecutable(const ir::Program& program, runtime::Memory& arena, runtime::StateStore& states,
                    int threads);

  void run(std::span<const runtime::Binding> inputs,
           std::span<const runtime::Binding> outputs) override;

  void set_profile_hook(runtime::ProfileHook hook) override { profile_ = std::move(hook); }

 private:
  /// A named argument or output and where its bytes lie (null: nowhere, nothing uses it).
  struct Port {
    std::string name;
    ir::Type type;
    std::byte* data = nullptr;
  };
  struct Copy {
    std::byte* to = nullptr;
    const std::byte* from = nullptr;
    std::size_t bytes = 0;
  };
  /// What happens at one node: an input arrives, a view moves, or a kernel runs.
  struct Step {
    ir::NodeId node;
    const Port* input = nullptr;
    Copy copy;
    std::unique_ptr<Kernel> kernel;
  };

  std::byte* address(const ir::Placement& placement) const;
  void add_step(const ir::Program& program, ir::NodeId id);
  void add_kernel(const ir::Program& program, ir::NodeId id);
  void add_updates(const ir::Program& program);
  void check_bindings(std::span<const runtime::Binding> inputs,
                      std::span<const runtime::Binding> outputs) const;
  void execute(const Step& step, std::span<const runtime::Binding> inputs) const;

  std::string graph_name_;
  std::byte* arena_;
  std::int64_t arena_bytes_;
  const runtime::StateStore& states_;
  int threads_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<Step> steps_;
  std::vector<Copy> updates_;  // in order; `staged_` first
  std::vector<std::byte> staging_;
  std::vector<Copy> staged_;  // old values that a state hands to another one
  runtime::ProfileHook profile_;
};

}  // namespace gptc::onednn
