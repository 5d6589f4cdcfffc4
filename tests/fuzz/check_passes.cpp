#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/verify.h"
#include "passes/pipelines.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/lowered.h"
#include "tests/support/random_values.h"

namespace gptc::testing {
namespace {

/// "" or the first tensor that is off.
std::string difference(const Tensors& got, const Tensors& want, double allowed) {
  for (const auto& [name, right] : want) {
    const auto found = got.find(name);
    if (found == got.end() || found->second.type != right.type) return name + " is missing";
    for (std::size_t i = 0; i < right.reals.size(); ++i) {
      const double off = std::abs(found->second.reals[i] - right.reals[i]);
      if (off <= allowed * (1 + std::abs(right.reals[i]))) continue;
      return fmt::format("{}: element {} is {} instead of {}", name, i, found->second.reals[i],
                         right.reals[i]);
    }
  }
  return "";
}

std::vector<const passes::Stage*> all_passes() {
  std::vector<const passes::Stage*> found;
  for (const passes::Stage& stage : passes::all_stages()) {
    if (stage.pass != nullptr) found.push_back(&stage);
  }
  return found;
}

using Order = std::vector<const passes::Stage*>;

/// Some passes alone, and two orders that no pipeline has.
std::vector<Order> random_orders(Random& random) {
  const Order passes = all_passes();
  const auto any = [&] {
    return passes[static_cast<std::size_t>(
        random.integer(0, static_cast<std::int64_t>(passes.size()) - 1))];
  };
  std::vector<Order> orders;
  for (int i = 0; i < 3; ++i) orders.push_back({any()});
  for (int i = 0; i < 2; ++i) {
    Order order(8);
    std::generate(order.begin(), order.end(), any);
    orders.push_back(std::move(order));
  }
  return orders;
}

std::string text_of(const Order& order) {
  std::string text;
  for (const passes::Stage* stage : order) {
    text += (text.empty() ? "" : ", ");
    text += stage->name;
  }
  return text;
}

}  // namespace

Report check_passes(const RandomModel& model, std::uint64_t seed) {
  Report report;
  Random random(fmt::format("passes {}", seed));
  const Lowered plain = lower_plainly(model, seed % 2 == 0 ? "micro_step" : "logits");
  const Start start = start_of(plain, vocabulary_of(model), seed);
  const Tensors want = run_reference<double>(plain, start);
  for (const Order& order : random_orders(random)) {
    try {
      Lowered changed = plain;
      for (const passes::Stage* stage : order) {
        stage->pass(changed.module.graph(changed.name), {});
        ir::verify(changed.module);
      }
      const std::string off = difference(run_reference<double>(changed, start), want, 1e-6);
      if (!off.empty()) report.failures.push_back(text_of(order) + ": " + off);
    } catch (const std::exception& error) {
      report.failures.push_back(fmt::format("{} throws: {}", text_of(order), error.what()));
    }
  }
  return report;
}

Report check_gradients(const RandomModel& model, std::uint64_t seed) {
  constexpr double step = 1e-6;
  Report report;
  const Lowered plain = lower_plainly(model, "micro_step");
  Start start = start_of(plain, vocabulary_of(model), seed - seed % 2);  // sums begin at zero
  const Tensors gradients = run_reference<double>(plain, start);
  Random random(fmt::format("direction {}", seed));
  Start ahead = start;
  Start behind = start;
  double slope = 0;
  double size = 0;
  for (const ir::State& state : model.module.states()) {
    if (!state.train) continue;
    const auto& gradient = gradients.at("state.grad." + state.name).reals;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double along = random.real(-1, 1);
      ahead.states.at(state.name).reals[i] += step * along;
      behind.states.at(state.name).reals[i] -= step * along;
      slope += gradient[i] * along;
      size += gradient[i] * gradient[i];
    }
  }
  const double difference = (run_reference<double>(plain, ahead).at("loss").reals[0] -
                             run_reference<double>(plain, behind).at("loss").reals[0]) /
                            (2 * step);
  if (!(std::abs(difference - slope) <= 1e-4 * std::sqrt(size) + 1e-6)) {
    report.failures.push_back(fmt::format(
        "gradient: along a direction it is {}, but the loss changes by {}", slope, difference));
  }
  return report;
}

}  // namespace gptc::testing
