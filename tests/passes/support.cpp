#include "tests/passes/support.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "ir/op_def.h"
#include "ir/parse.h"
#include "ir/verify.h"
#include "tests/support/random_values.h"

namespace gptc::testing {
namespace {

reference::HostTensor<double> filled(Random& random, const ir::Type& type, double low,
                                     double high) {
  if (type.dtype == ir::DType::i64) return random_tensor(random, {type, 3, 3}, Filling::reals);
  if (!ir::is_float(type.dtype)) return random_tensor(random, {type, 0, 1}, Filling::reals);
  return random_tensor(random, {type, low, high}, Filling::reals);
}

}  // namespace

std::filesystem::path test_folder() { return std::filesystem::path(GPTC_SOURCE_DIR) / "tests"; }

std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder,
                                               std::string_view ending) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename().string().ends_with(ending)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(file.string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error(file.string() + ": cannot be written");
}

ir::Module load_model(std::string_view name) {
  const auto file = test_folder() / "passes" / "models" / (std::string(name) + ".ir");
  return ir::parse(read_text(file), file.filename().string());
}

Tensors random_inputs(const ir::Graph& graph, std::string_view seed) {
  Random random(seed);
  Tensors tensors;
  for (const ir::NodeId input : graph.inputs()) {
    tensors[graph[input].attrs.string("name")] = filled(random, graph.type({input, 0}), -1, 1);
  }
  return tensors;
}

Tensors random_states(const ir::Module& module, std::string_view seed) {
  Random random(std::string(seed) + "/states");
  Tensors tensors;
  for (const ir::State& state : module.states()) {
    tensors[state.name] = filled(random, state.type, 0.1, 1);
  }
  return tensors;
}

passes::PassContext core_ops_only() {
  passes::PassContext context;
  context.supports = [](const ir::Graph& graph, ir::NodeId id) {
    const ir::Node& node = graph[id];
    const ir::AttrValue* epilogue = node.attrs.find("epilogue");
    const bool bare = epilogue != nullptr && std::get<ir::Strings>(*epilogue).empty();
    return ir::op_def(node).decompose == nullptr || bare;
  };
  return context;
}

void check_module(const ir::Module& module) {
  ir::verify(module);
  ir::verify_text(module);
}

}  // namespace gptc::testing
