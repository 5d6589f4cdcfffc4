// What a backend offers to whoever compiles and runs programs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "backends/runtime/memory.h"
#include "backends/runtime/tensor.h"
#include "ir/module.h"
#include "ir/program.h"

namespace gptc::runtime {

/// A named argument or result; the bytes are the caller's and lie in C order.
struct Binding {
  std::string name;
  TensorView tensor;
};

/// Called after each node with the seconds it took.
using ProfileHook = std::function<void(ir::NodeId node, double seconds)>;

/// A compiled graph over one arena and one state block, both outliving it. Not reentrant.
class Executable {
 public:
  virtual ~Executable() = default;
  /// Copies the inputs in, runs every node in order, applies updates, copies the outputs out.
  /// UserError for a missing or misshapen binding or an id out of range. Outputs not asked for are
  /// not copied.
  virtual void run(std::span<const Binding> inputs, std::span<const Binding> outputs) = 0;
  /// UserError where the backend cannot measure nodes. An empty hook stops it.
  virtual void set_profile_hook(ProfileHook hook) = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  /// Whether there is a kernel for the node; the pipeline decomposes what has none.
  virtual bool supports(const ir::Graph& graph, ir::NodeId node) const = 0;
  /// Scratch bytes the node's kernel needs while it runs (oneDNN's scratchpad and ours), for the
  /// plan.
  virtual std::int64_t workspace_bytes(const ir::Graph& graph, ir::NodeId node) const = 0;
  /// The part of them that a library asks for.
  virtual std::int64_t library_bytes(const ir::Graph& /*graph*/, ir::NodeId /*node*/) const {
    return 0;
  }
  /// What a library allocates by itself while the graph runs, at most, outside the plan's blocks.
  virtual std::int64_t allocated_bytes(const ir::Graph& /*graph*/) const { return 0; }
  virtual std::unique_ptr<Executable> compile(const ir::Program& program, Memory& arena,
                                              StateStore& states) const = 0;
};

}  // namespace gptc::runtime
