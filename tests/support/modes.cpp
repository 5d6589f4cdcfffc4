#include "tests/support/modes.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "ir/check.h"
#include "tests/support/compare.h"
#include "tests/support/gradient_check.h"
#include "tests/support/guarded_run.h"
#include "tests/support/op_graph.h"

namespace gptc::testing {

namespace {

constexpr double decomposition_nmse = 1e-20;

reference::Tensors<double> reference_results(const ir::Graph& graph,
                                             const reference::Tensors<double>& inputs) {
  reference::Tensors<double> states;
  return reference::run<double>(graph, inputs, states);
}

/// The reference in f32, whose results on small integers are exact.
reference::Tensors<double> exact_results(const ir::Graph& graph,
                                         const reference::Tensors<double>& inputs) {
  reference::Tensors<float> states;
  reference::Tensors<double> results;
  for (const auto& [name, tensor] : reference::run<float>(graph, as_float(inputs), states)) {
    reference::HostTensor<double> wide(tensor.type);
    wide.ints = tensor.ints;
    std::copy(tensor.reals.begin(), tensor.reals.end(), wide.reals.begin());
    results.emplace(name, std::move(wide));
  }
  return results;
}

void append(Failures& failures, const std::string& where, const Failures& found) {
  for (const std::string& failure : found)
    failures.push_back(fmt::format("{}: {}", where, failure));
}

/// Every output of `got` has the bits of `want`'s.
Failures check_same_bits(const reference::Tensors<double>& got,
                         const reference::Tensors<double>& want) {
  Failures failures;
  for (const auto& [name, tensor] : want)
    if (!same_bits(got.at(name), tensor))
      failures.push_back(fmt::format("{} is not equal bit by bit; {}", name,
                                     difference(got.at(name), tensor, -1)));
  return failures;
}

bool has_decomposition(const OpCase& op_case) {
  const ir::DecomposeFn decompose = ir::op_def(op_case.op).decompose;
  return decompose != nullptr && !decomposed_graph(op_case, decompose).outputs().empty();
}

/// Values are rounded on the way, so that f64 holds no more than a bf16.
bool is_rounded(const OpCase& op_case) {
  const auto rounded = [](const ir::Type& type) { return type.dtype == ir::DType::bf16; };
  const std::vector<ir::Type> results = types_of(op_case.results);
  return std::any_of(results.begin(), results.end(), rounded) ||
         std::any_of(op_case.operands.begin(), op_case.operands.end(),
                     [&](const Operand& operand) { return rounded(operand.type); });
}

bool has_gradient(const OpCase& op_case) {
  const auto differentiable = [](const Operand& operand) {
    return operand.gradient != Gradient::none;
  };
  const bool plain = op_case.attrs.find("epilogue") == nullptr;  // formed after autodiff
  return ir::op_def(op_case.op).vjp != nullptr && plain &&
         std::any_of(op_case.operands.begin(), op_case.operands.end(), differentiable) &&
         !is_rounded(op_case);
}

/// A case that cannot even be built has the mode that reports why, and no other.
bool can_be_built(const OpCase& op_case) {
  try {
    graph_of(op_case);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

bool has_kernel(const OpCase& op_case, const runtime::Backend& backend) {
  const ir::Graph graph = graph_of(op_case);
  return backend.supports(graph, graph.nodes().back());
}

}  // namespace

Failures check_inference(const OpCase& op_case) {
  const ir::Graph graph = graph_of(op_case);
  const std::string types = text_of(graph[graph.nodes().back()].results);
  if (types != op_case.results)
    return {fmt::format("infer gives {} instead of {}", types, op_case.results)};
  Failures failures;
  for (const auto& [name, tensor] :
       reference_results(graph, random_operands(op_case, Filling::reals))) {
    const std::string problem = degenerate(tensor, op_case.spread);
    if (!problem.empty()) failures.push_back(fmt::format("{} proves nothing: {}", name, problem));
  }
  return failures;
}

Failures check_decomposition(const OpCase& op_case, ir::DecomposeFn decompose) {
  const reference::Tensors<double> inputs = random_operands(op_case, Filling::reals);
  reference::Tensors<double> states;
  const reference::Tensors<double> want = reference_results(graph_of(op_case), inputs);
  const reference::Tensors<double> got =
      reference::run<double>(decomposed_graph(op_case, decompose), inputs, states,
                             reference::Composites::by_decomposition);
  Failures failures;
  for (const auto& [name, tensor] : want) {
    const std::string problem =
        difference(got.at(name), tensor, is_rounded(op_case) ? op_case.nmse : decomposition_nmse);
    if (!problem.empty()) failures.push_back(fmt::format("decomposition of {}: {}", name, problem));
  }
  return failures;
}

Failures check_backend(const OpCase& op_case, const BackendFactory& make, Filling filling) {
  const ir::Graph graph = graph_of(op_case);
  const reference::Tensors<double> inputs = random_operands(op_case, filling);
  const auto one = make(1);
  const auto two = make(2);
  const GuardedRun run = run_guarded(graph, *one, inputs, Layout::apart);
  const GuardedRun threaded = run_guarded(graph, *two, inputs, Layout::apart);
  Failures failures;
  append(failures, "1 thread", run.failures);
  append(failures, "2 threads", threaded.failures);
  append(failures, "2 threads against 1", check_same_bits(threaded.outputs, run.outputs));
  if (can_run_in_place(graph)) {
    const GuardedRun over = run_guarded(graph, *two, inputs, Layout::in_place);
    append(failures, "in place", over.failures);
    append(failures, "in place against apart", check_same_bits(over.outputs, run.outputs));
  }
  const reference::Tensors<double> want = reference_results(graph, inputs);
  for (const auto& [name, tensor] : want) {
    const std::string problem = difference(run.outputs.at(name), tensor, op_case.nmse);
    if (!problem.empty()) failures.push_back(fmt::format("{}: {}", name, problem));
    const std::string silent = degenerate(tensor, op_case.spread);
    if (!silent.empty()) failures.push_back(fmt::format("{} proves nothing: {}", name, silent));
  }
  if (filling == Filling::integers)
    for (const auto& [name, tensor] : exact_results(graph, inputs)) {
      const std::string problem = difference(run.outputs.at(name), tensor, 0);
      if (!problem.empty()) failures.push_back(fmt::format("{} on integers: {}", name, problem));
    }
  return failures;
}

Failures check_rejection(const Rejection& rejection) {
  ir::Graph graph("rejected");
  std::vector<ir::Value> operands;
  for (std::size_t i = 0; i < rejection.operands.size(); ++i)
    operands.push_back(graph.add_input("a" + std::to_string(i), rejection.operands[i]));
  const std::string op(ir::op_def(rejection.op).name);
  try {
    ir::Builder builder(graph);
    builder.set_origin({.scope = "h.0", .file = "model.cpp", .line = 7});
    builder.node(rejection.op, operands, rejection.attrs, rejection.body);
  } catch (const ir::UserError& error) {
    const std::string text = error.what();
    const bool says = text.starts_with(op + ": ") && text.find(rejection.rule) != text.npos &&
                      text.find(", but got ") != text.npos &&
                      text.find("model.cpp:7") != text.npos && text.find("h.0") != text.npos;
    if (says) return {};
    return {
        fmt::format("the message is \"{}\" and not \"{}: …{}…, but got … at model.cpp:7 (h.0)\"",
                    text, op, rejection.rule)};
  }
  return {"accepted, but must be refused"};
}

void PrintTo(const ModeRun& run, std::ostream* out) {
  *out << run.op_case->name << " " << run.mode;
}

std::vector<ModeRun> modes_of(const std::vector<OpCase>& cases, const BackendFactory& make) {
  const auto backend = make(1);
  std::vector<ModeRun> runs;
  for (const OpCase& op_case : cases) {
    const OpCase* at = &op_case;
    const ir::OpDef& def = ir::op_def(op_case.op);
    const auto add = [&](std::string mode, std::function<Failures()> check) {
      runs.push_back({std::move(mode), at, std::move(check)});
    };
    add("inference", [at] { return check_inference(*at); });
    if (!can_be_built(op_case)) continue;
    if (has_decomposition(op_case))
      add("decomposition", [at, &def] { return check_decomposition(*at, def.decompose); });
    if (has_gradient(op_case)) add("gradient", [at, &def] { return check_gradient(*at, def.vjp); });
    if (!has_kernel(op_case, *backend)) continue;
    const std::string name = backend->name();
    add(name + "_reals", [at, make] { return check_backend(*at, make, Filling::reals); });
    if (op_case.exact == Exact::on_integers)
      add(name + "_integers", [at, make] { return check_backend(*at, make, Filling::integers); });
  }
  return runs;
}

}  // namespace gptc::testing
