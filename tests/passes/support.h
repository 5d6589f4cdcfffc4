// What the tests of the passes share: text files, modules, random values for a graph.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "backends/reference/host_tensor.h"
#include "ir/module.h"
#include "passes/pass.h"

namespace gptc::testing {

using Tensors = reference::Tensors<double>;

std::filesystem::path test_folder();  // tests/
/// Files of a folder and those below it whose name ends so, sorted.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder,
                                               std::string_view ending);
std::string read_text(const std::filesystem::path& file);
void write_text(const std::filesystem::path& file, const std::string& text);

/// tests/passes/models/<name>.ir
ir::Module load_model(std::string_view name);

/// Values for every input: reals in [-1, 1), ids 0 or 1 (so tables need two rows), counters 3.
Tensors random_inputs(const ir::Graph& graph, std::string_view seed);
/// Values for every declared state: reals in [0.1, 1), which second moments may have too.
Tensors random_states(const ir::Module& module, std::string_view seed);

/// A backend that has kernels for core ops and for nothing else.
passes::PassContext core_ops_only();

/// Verifies the module and that its text parses back to it.
void check_module(const ir::Module& module);

}  // namespace gptc::testing
