#include "tools/driver/backends.h"

#include <fmt/ranges.h>

#include "backends/onednn/backend.h"
#include "backends/reference/backend.h"
#include "ir/check.h"

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

passes::PassContext pass_context(const runtime::Backend& backend) {
  return {
      .supports = [&backend](const ir::Graph& graph,
                             ir::NodeId node) { return backend.supports(graph, node); },
      .workspace_bytes = [&backend](
                             const ir::Graph& graph,
                             ir::NodeId node) { return backend.workspace_bytes(graph, node); },
  };
}

}  // namespace gptc::driver
