#include "backends/onednn/backend.h"

#include <algorithm>

#include "backends/onednn/executable.h"
#include "backends/onednn/kernel.h"
#include "backends/onednn/threads.h"
#include "ir/op_def.h"

namespace gptc::onednn {
namespace {

bool all_concrete(const ir::Graph& graph, const ir::Node& node) {
  const auto concrete = [](const ir::Type& type) { return type.shape.is_concrete(); };
  return std::ranges::all_of(node.results, concrete) &&
         std::ranges::all_of(node.operands,
                             [&](ir::Value value) { return concrete(graph.type(value)); });
}

class OnednnBackend final : public runtime::Backend {
 public:
  explicit OnednnBackend(Options options) : threads_(resolve_threads(options.threads)) {}

  std::string name() const override { return "onednn"; }

  bool supports(const ir::Graph& graph, ir::NodeId id) const override {
    const ir::Node& node = graph[id];
    if (needs_no_kernel(node)) return true;
    const KernelRow* row = find_kernel(node.kind);
    return row != nullptr && (row->supports == nullptr || row->supports(graph, node));
  }

  std::int64_t workspace_bytes(const ir::Graph& graph, ir::NodeId id) const override {
    const ir::Node& node = graph[id];
    const KernelRow* row = needs_no_kernel(node) ? nullptr : find_kernel(node.kind);
    if (row == nullptr || row->workspace == nullptr || !all_concrete(graph, node)) return 0;
    const ThreadCount scope(threads_);
    return row->workspace(graph, node, threads_);
  }

  std::int64_t library_bytes(const ir::Graph& graph, ir::NodeId id) const override {
    const ir::Node& node = graph[id];
    const KernelRow* row = needs_no_kernel(node) ? nullptr : find_kernel(node.kind);
    if (row == nullptr || row->library == nullptr || !all_concrete(graph, node)) return 0;
    const ThreadCount scope(threads_);
    return row->library(graph, node);
  }

  std::int64_t allocated_bytes(const ir::Graph& graph) const override {
    std::int64_t most = 0;
    for (const ir::NodeId id : graph.nodes()) {
      const ir::Node& node = graph[id];
      const KernelRow* row = needs_no_kernel(node) ? nullptr : find_kernel(node.kind);
      if (row == nullptr || row->allocated == nullptr || !all_concrete(graph, node)) continue;
      most = std::max(most, row->allocated(graph, node, threads_));
    }
    return most;
  }

  std::unique_ptr<runtime::Executable> compile(const ir::Program& program, runtime::Memory& arena,
                                               runtime::StateStore& states) const override {
    return std::make_unique<ProgramExecutable>(program, arena, states, threads_);
  }

 private:
  int threads_;
};

}  // namespace

std::unique_ptr<runtime::Backend> make_backend(Options options) {
  return std::make_unique<OnednnBackend>(options);
}

}  // namespace gptc::onednn
