#include "tests/support/gradient_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "backends/reference/interpreter.h"
#include "tests/support/op_graph.h"
#include "tests/support/random_values.h"

namespace gptc::testing {

namespace {

using Tensor = reference::HostTensor<double>;
using Tensors = reference::Tensors<double>;

constexpr double step = 1e-5;
constexpr double relative = 1e-6;
constexpr double absolute = 1e-8;
constexpr int directions = 2;
constexpr std::size_t coordinates = 6;

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// L as a function of the operands.
class Loss {
 public:
  Loss(const OpCase& op_case, const Tensors& gradients)
      : graph_(graph_of(op_case)), gradients_(gradients) {}

  double operator()(const Tensors& operands) const {
    Tensors states;
    const Tensors results = reference::run<double>(graph_, operands, states);
    double loss = 0;
    for (const auto& [name, gradient] : gradients_)
      loss += dot(gradient.reals, results.at(name.substr(1)).reals);
    return loss;
  }

  /// Derivative along `direction` of one operand.
  double derivative(Tensors operands, const std::string& name,
                    const std::vector<double>& direction) const {
    const std::vector<double> at = operands.at(name).reals;
    const auto shifted = [&](double by) {
      for (std::size_t i = 0; i < at.size(); ++i)
        operands.at(name).reals[i] = at[i] + by * direction[i];
      return (*this)(operands);
    };
    // Fourth order (Fornberg 1988): the error is of step⁴, so the step can stay above rounding.
    const double near = shifted(step) - shifted(-step);
    const double far = shifted(2 * step) - shifted(-2 * step);
    return (8 * near - far) / (12 * step);
  }

 private:
  ir::Graph graph_;
  const Tensors& gradients_;
};

bool close(double got, double want, double scale) {
  return std::abs(got - want) <=
         relative * std::max(std::abs(got), std::abs(want)) + absolute * (1 + std::abs(scale));
}

std::vector<std::vector<double>> test_directions(std::size_t size, Random& random) {
  std::vector<std::vector<double>> result;
  for (int i = 0; i < directions; ++i) {
    std::vector<double>& direction = result.emplace_back(size);
    for (double& value : direction)
      value = random.real(-1, 1) / std::sqrt(static_cast<double>(size));
  }
  for (std::size_t i = 0; i < std::min(size, coordinates); ++i) {
    const std::size_t at =
        size <= coordinates
            ? i
            : static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(size) - 1));
    result.emplace_back(size)[at] = 1;
  }
  return result;
}

std::string check_operand(const OpCase& op_case, std::size_t operand, const Tensors& inputs,
                          const Tensors& results, const Loss& loss, Random& random) {
  const std::string name = "a" + std::to_string(operand);
  const auto found = results.find("d" + name);
  const Gradient expected = op_case.operands[operand].gradient;
  if (expected == Gradient::none)
    return found == results.end() ? "" : fmt::format("d{} exists, but must not", name);
  if (found == results.end())
    return expected == Gradient::zero ? "" : fmt::format("d{} is missing", name);
  const Tensor& gradient = found->second;
  if (gradient.type != op_case.operands[operand].type)
    return fmt::format("d{} is {} instead of {}", name, gradient.type.text(),
                       op_case.operands[operand].type.text());
  const bool all_zero = std::all_of(gradient.reals.begin(), gradient.reals.end(),
                                    [](double value) { return value == 0; });
  if (all_zero != (expected == Gradient::zero))
    return fmt::format("d{} is {}", name, all_zero ? "all zeros" : "not zero as declared");
  const double scale = loss(inputs);
  for (const std::vector<double>& direction : test_directions(gradient.reals.size(), random)) {
    const double got = dot(gradient.reals, direction);
    const double want = loss.derivative(inputs, name, direction);
    if (!close(got, want, scale))
      return fmt::format("d{} gives {} along a direction where differences give {}", name, got,
                         want);
  }
  return "";
}

}  // namespace

Failures check_gradient(const OpCase& op_case, ir::VjpFn vjp) {
  const ir::Graph graph = gradient_graph(op_case, vjp);
  Tensors inputs = random_operands(op_case, Filling::reals);
  Random random(op_case.name + " gradient");
  Tensors gradients;
  for (const std::uint32_t result : op_case.gradient_of) {
    const std::string name = "dr" + std::to_string(result);
    const ir::Type type = types_of(op_case.results).at(result);
    gradients.emplace(name, random_tensor(random, {.type = type}, Filling::reals));
  }
  Tensors all = inputs;
  all.insert(gradients.begin(), gradients.end());
  Tensors states;
  const Tensors results = reference::run<double>(graph, all, states);
  const Loss loss(op_case, gradients);
  Failures failures;
  for (std::size_t i = 0; i < op_case.operands.size(); ++i) {
    const std::string failure = check_operand(op_case, i, inputs, results, loss, random);
    if (!failure.empty()) failures.push_back("gradient: " + failure);
  }
  return failures;
}

}  // namespace gptc::testing
