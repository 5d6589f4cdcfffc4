#include "tests/support/faulty_backend.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "backends/reference/interpreter.h"
#include "ir/check.h"

namespace gptc::testing {

namespace {

using Tensor = reference::HostTensor<double>;

class FaultyExecutable : public runtime::Executable {
 public:
  FaultyExecutable(const ir::Program& program, runtime::Memory& arena, Fault fault, int threads)
      : program_(program), arena_(arena), fault_(fault), threads_(threads) {}

  void run(std::span<const runtime::Binding> inputs,
           std::span<const runtime::Binding> outputs) override {
    ++runs_;
    for (const runtime::Binding& input : inputs) {
      const runtime::TensorView to = view(*program_.graph.find_input(input.name));
      std::memcpy(to.data, input.tensor.data, static_cast<std::size_t>(to.bytes()));
    }
    for (const ir::NodeId id : program_.graph.nodes())
      if (program_.graph[id].kind != ir::OpKind::input) execute(id);
    for (const runtime::Binding& output : outputs) {
      const runtime::TensorView from = view(*program_.graph.find_output(output.name));
      std::memcpy(output.tensor.data, from.data, static_cast<std::size_t>(from.bytes()));
    }
  }

  void set_profile_hook(runtime::ProfileHook /*hook*/) override {}

 private:
  runtime::TensorView view(ir::Value value) const {
    return {program_.graph.type(value), arena_.data() + program_.placement(value).offset};
  }

  void execute(ir::NodeId id) {
    const ir::Node& node = program_.graph[id];
    std::vector<runtime::TensorView> results;
    for (std::uint32_t i = 0; i < node.results.size(); ++i) results.push_back(view({id, i}));
    if (fault_ == Fault::clears_first)
      for (const runtime::TensorView& result : results)
        std::fill_n(result.data, result.bytes(), std::byte{0});
    std::vector<Tensor> loaded;
    for (const ir::Value operand : node.operands)
      loaded.push_back(reference::load<double>(view(operand)));
    std::vector<const Tensor*> operands;
    operands.reserve(loaded.size());
    for (const Tensor& operand : loaded) operands.push_back(&operand);
    std::vector<Tensor> values = reference::evaluate<double>(node, operands);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (fault_ == Fault::wrong_element)
        values[i].reals.back() = values[i].reals.back() * 1.01 + 0.1;
      write(values[i], results[i]);
    }
    if (fault_ == Fault::spoils_operand) *view(node.operands.at(0)).data ^= std::byte{1};
  }

  void write(const Tensor& value, const runtime::TensorView& to) const {
    const std::int64_t last = to.bytes() - ir::dtype_bytes(to.type.dtype);
    std::vector<std::byte> old(to.data + last, to.data + to.bytes());
    reference::store(value, to);
    const bool odd = (fault_ == Fault::depends_on_threads && threads_ > 1) ||
                     (fault_ == Fault::keeps_old_results && runs_ > 1);
    if (odd) *to.data ^= std::byte{1};
    if (fault_ == Fault::skips_last_element) std::copy(old.begin(), old.end(), to.data + last);
    if (fault_ == Fault::writes_behind) to.data[to.bytes()] = std::byte{0};
  }

  const ir::Program& program_;  // the caller's, which outlives us
  runtime::Memory& arena_;
  Fault fault_;
  int threads_;
  int runs_ = 0;
};

class FaultyBackend : public runtime::Backend {
 public:
  FaultyBackend(Fault fault, int threads) : fault_(fault), threads_(threads) {}
  std::string name() const override { return "faulty"; }
  bool supports(const ir::Graph&, ir::NodeId) const override { return true; }
  std::int64_t workspace_bytes(const ir::Graph&, ir::NodeId) const override { return 0; }
  std::unique_ptr<runtime::Executable> compile(const ir::Program& program, runtime::Memory& arena,
                                               runtime::StateStore&) const override {
    return std::make_unique<FaultyExecutable>(program, arena, fault_, threads_);
  }

 private:
  Fault fault_;
  int threads_;
};

}  // namespace

std::unique_ptr<runtime::Backend> make_faulty_backend(Fault fault, int threads) {
  return std::make_unique<FaultyBackend>(fault, threads);
}

}  // namespace gptc::testing
