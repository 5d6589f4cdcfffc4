// What a kernel of the fast backend is: built once at compile with every pointer known, then only
// executed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ir/graph.h"

namespace gptc::onednn {

/// Where the node's operands, results and scratch lie; fixed for the life of the executable. A
/// result may be the same address as an operand if the op's row allows it in place. Unused results
/// are null.
struct KernelArgs {
  std::vector<std::byte*> operands;
  std::vector<std::byte*> results;
  std::byte* workspace = nullptr;  // workspace bytes as the row's `workspace` said, 64-byte aligned
  int threads = 1;
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  /// Computes all results of the node. Allocates nothing. UserError only for bad data (ids out of
  /// range).
  virtual void execute() = 0;
};

/// Work cut into items whose meaning never depends on the number of threads; a reduction writes per
/// item into the workspace and `finish` combines in fixed order, so results are equal for any
/// thread count.
class ItemKernel : public Kernel {
 public:
  explicit ItemKernel(int threads, std::byte* scratch = nullptr, std::int64_t scratch_bytes = 0)
      : threads_(threads), scratch_(scratch), scratch_bytes_(scratch_bytes) {}
  void execute() final;  // first items, items over OpenMP threads, then finish

 protected:
  virtual std::int64_t items() const = 0;
  /// `scratch` is this thread's own scratch_bytes.
  virtual void run(std::int64_t item, std::byte* scratch) = 0;
  virtual void finish() {}
  /// What every item needs to be done before.
  virtual std::int64_t first_items() const { return 0; }
  virtual void run_first(std::int64_t /*item*/, std::byte* /*scratch*/) {}
  /// Whether items take alike long and are fastest one after the other: a thread then takes many at
  /// once, and fewer towards the end.
  virtual bool in_runs() const { return false; }
  int threads() const { return threads_; }

 private:
  int threads_;
  std::byte* scratch_;  // threads × scratch_bytes
  std::int64_t scratch_bytes_;
};

/// One row per op with a kernel: `KernelRow kernel_<op>()` in the family's file, listed in
/// kernels.def.
struct KernelRow {
  /// Null: supported whenever the op is.
  bool (*supports)(const ir::Graph& graph, const ir::Node& node) = nullptr;
  /// Null: none. Bytes for `threads` threads.
  std::int64_t (*workspace)(const ir::Graph& graph, const ir::Node& node, int threads) = nullptr;
  std::unique_ptr<Kernel> (*create)(const ir::Graph& graph, const ir::Node& node,
                                    const KernelArgs& args) = nullptr;
  /// The part of `workspace` that is oneDNN's scratchpad. Null: none.
  std::int64_t (*library)(const ir::Graph& graph, const ir::Node& node) = nullptr;
  /// What oneDNN allocates by itself in a call, at most. Null: nothing that counts.
  std::int64_t (*allocated)(const ir::Graph& graph, const ir::Node& node, int threads) = nullptr;
};

/// Null where kernels.def does not list the op.
const KernelRow* find_kernel(ir::OpKind kind);

}  // namespace gptc::onednn
