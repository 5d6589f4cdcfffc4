#include "tools/driver/backends.h"

#include <fmt/ranges.h>

#include <unordered_map>

#include "backends/onednn/backend.h"
#include "backends/reference/backend.h"
#include "ir/check.h"
#include "ir/op_def.h"

namespace gptc::driver {

const std::vector<std::string>& backend_names() {
  static const std::vector<std::string> names = {"onednn", "reference"};
  return names;
}

std::unique_ptr<runtime::Backend> make_backend(std::string_view name, int threads) {
  if (name == "onednn") return onednn::make_backend({.threads = threads});
  if (name == "reference") return reference::make_backend();
  ir::user_error("backend: it must be one of {}, but got '{}'", fmt::join(backend_names(), ", "),
                 name);
}

namespace {

/// What scratch depends on: the op, its types, attributes and body (by identity: clones share it).
std::string signature(const ir::Graph& graph, const ir::Node& node) {
  std::string text(ir::op_def(node).name);
  for (const ir::Value operand : node.operands) text += " " + graph.type(operand).text();
  for (const ir::Type& result : node.results) text += ">" + result.text();
  for (const auto& [name, value] : node.attrs) text += "," + name + ir::attr_text(value);
  return text + fmt::format(" {}", fmt::ptr(node.body.get()));
}

/// Asking a backend may take milliseconds, and a frontier of plans asks for every node many times.
class KnownScratch {
 public:
  explicit KnownScratch(const runtime::Backend& backend) : backend_(backend) {}

  std::int64_t operator()(const ir::Graph& graph, ir::NodeId id) {
    const auto [entry, fresh] = known_.try_emplace(signature(graph, graph[id]));
    if (fresh) entry->second = {backend_.workspace_bytes(graph, id), graph[id].body};
    return entry->second.bytes;
  }

 private:
  struct Scratch {
    std::int64_t bytes = 0;
    std::shared_ptr<const ir::Graph> body;  // lives on, so that no other takes its address
  };
  const runtime::Backend& backend_;
  std::unordered_map<std::string, Scratch> known_;
};

}  // namespace

passes::PassContext pass_context(const runtime::Backend& backend) {
  const auto scratch = std::make_shared<KnownScratch>(backend);
  return {
      .supports = [&backend](const ir::Graph& graph,
                             ir::NodeId node) { return backend.supports(graph, node); },
      .workspace_bytes = [scratch](const ir::Graph& graph,
                                   ir::NodeId node) { return (*scratch)(graph, node); },
      .library_bytes = [&backend](const ir::Graph& graph,
                                  ir::NodeId node) { return backend.library_bytes(graph, node); },
  };
}

std::function<std::int64_t(const ir::Graph&)> allocated_bytes(const runtime::Backend& backend) {
  return [&backend](const ir::Graph& graph) { return backend.allocated_bytes(graph); };
}

}  // namespace gptc::driver
