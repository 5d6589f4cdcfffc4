#include "backends/reference/backend.h"

#include <utility>

#include "backends/reference/interpreter.h"
#include "ir/check.h"
#include "ir/op_def.h"

namespace gptc::reference {

namespace {

template <class F>
class ReferenceExecutable : public runtime::Executable {
 public:
  ReferenceExecutable(ir::Graph graph, runtime::StateStore& states)
      : graph_(std::move(graph)), states_(states) {}

  void run(std::span<const runtime::Binding> inputs,
           std::span<const runtime::Binding> outputs) override {
    check_outputs(outputs);
    Tensors<F> arguments;
    for (const runtime::Binding& input : inputs)
      arguments.insert_or_assign(input.name, load<F>(input.tensor));
    Tensors<F> states;
    for (const ir::NodeId id : graph_.nodes()) {
      if (graph_[id].kind != ir::OpKind::state) continue;
      const std::string& name = graph_[id].attrs.string("name");
      states.insert_or_assign(name, load<F>(states_.view(name)));
    }
    const Tensors<F> results = reference::run<F>(graph_, arguments, states);
    for (const ir::Update& update : graph_.updates())
      store(states.at(update.state), states_.view(update.state));
    for (const runtime::Binding& output : outputs) store(results.at(output.name), output.tensor);
  }

  void set_profile_hook(runtime::ProfileHook hook) override {
    ir::user_check(!hook,
                   "profile: the backend must be onednn, but it is reference, whose times "
                   "mean nothing");
  }

 private:
  void check_outputs(std::span<const runtime::Binding> outputs) const {
    for (const runtime::Binding& output : outputs) {
      const auto value = graph_.find_output(output.name);
      ir::user_check(value.has_value(), "output '{}': graph '{}' has no such output", output.name,
                     graph_.name());
      ir::user_check(graph_.type(*value) == output.tensor.type,
                     "output '{}': the type must be {}, but got {}", output.name,
                     graph_.type(*value).text(), output.tensor.type.text());
    }
  }

  ir::Graph graph_;
  runtime::StateStore& states_;
};

class ReferenceBackend : public runtime::Backend {
 public:
  explicit ReferenceBackend(BackendOptions options) : options_(options) {}
  std::string name() const override { return "reference"; }
  bool supports(const ir::Graph&, ir::NodeId) const override { return true; }
  std::int64_t workspace_bytes(const ir::Graph&, ir::NodeId) const override { return 0; }
  std::unique_ptr<runtime::Executable> compile(const ir::Program& program, runtime::Memory&,
                                               runtime::StateStore& states) const override {
    if (options_.precision == Precision::f64)
      return std::make_unique<ReferenceExecutable<double>>(program.graph, states);
    return std::make_unique<ReferenceExecutable<float>>(program.graph, states);
  }

 private:
  BackendOptions options_;
};

}  // namespace

std::unique_ptr<runtime::Backend> make_backend(BackendOptions options) {
  return std::make_unique<ReferenceBackend>(options);
}

}  // namespace gptc::reference
