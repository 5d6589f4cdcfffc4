#include "tests/fuzz/check.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "backends/onednn/backend.h"
#include "tests/fuzz/lowered.h"
#include "tests/support/compare.h"
#include "tests/support/random_values.h"

namespace gptc::testing {
namespace {

double sum_of_squares(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::isnan(value) ? 0 : value * value;
  return sum;
}

/// Root of the mean squared difference; infinite where one is not finite and they differ.
double distance(const std::vector<double>& got, const std::vector<double>& want) {
  std::vector<double> change(got.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool same = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]));
    change[i] = same ? 0 : std::abs(got[i] - want[i]);
    if (std::isnan(change[i])) return HUGE_VAL;
  }
  return got.empty() ? 0 : std::sqrt(sum_of_squares(change) / static_cast<double>(got.size()));
}

double size_of(const std::vector<double>& values) {
  return values.empty() ? 0
                        : std::sqrt(sum_of_squares(values) / static_cast<double>(values.size()));
}

/// What a tensor may be off by (root of the mean square), given the right one and its name.
using Bar = std::function<double(const std::string& name, const std::vector<double>& want)>;

/// f64 against f64: the order of sums, and constants that folding rounds to their type.
Bar rounding_of_f64(const Tensors& in_f32) {
  return [&in_f32](const std::string& name, const std::vector<double>& want) {
    return distance(in_f32.at(name).reals, want) + 1e-6 * size_of(want) + 1e-9;
  };
}

/// f32 against f64: ten times what the obvious loops in f32 are off, and a little more.
Bar rounding_of_f32(const Tensors& in_f32) {
  return [&in_f32](const std::string& name, const std::vector<double>& want) {
    return 10 * distance(in_f32.at(name).reals, want) + 1e-5 * size_of(want) + 1e-6;
  };
}

void compare(const std::string& what, const Tensors& got, const Tensors& want, const Bar& bar,
             Report& report) {
  for (const auto& [name, right] : want) {
    const auto found = got.find(name);
    if (found == got.end() || found->second.type != right.type) {
      report.failures.push_back(fmt::format("{}: {} is missing or of another type", what, name));
      continue;
    }
    const double allowed = bar(name, right.reals);
    const double off = distance(found->second.reals, right.reals);
    if (off <= allowed && found->second.ints == right.ints) continue;
    report.failures.push_back(fmt::format("{}: {} is off by {:.3g}, allowed {:.3g}: {}", what, name,
                                          off, allowed, difference(found->second, right, 0)));
  }
}

void compare_bits(const std::string& what, const Tensors& got, const Tensors& want,
                  Report& report) {
  for (const auto& [name, right] : want) {
    if (!same_bits(got.at(name), right)) {
      report.failures.push_back(
          fmt::format("{}: {}: {}", what, name, difference(got.at(name), right, 0)));
    }
  }
}

void count_flat(const Tensors& values, Report& report) {
  for (const auto& [name, tensor] : values) {
    if (name.starts_with("state.adamw")) continue;
    ++report.values;
    if (tensor.numel() >= 4 && !degenerate(tensor, Spread::varied).empty()) ++report.flat;
  }
}

/// Runs a check; an exception is a failure of it.
template <class Check>
void guarded(const std::string& what, Report& report, const Check& check) {
  try {
    check();
  } catch (const std::exception& error) {
    report.failures.push_back(fmt::format("{} throws: {}", what, error.what()));
  }
}

void check_graph(const std::string& name, const RandomModel& model, std::uint64_t seed,
                 const Plant* plant, Report& report) {
  const auto one = onednn::make_backend({.threads = 1});
  const auto two = onednn::make_backend({.threads = 2});
  const std::int64_t vocabulary = vocabulary_of(model);
  const Lowered plain = lower_plainly(model, name);
  const Lowered full = lower_fully(model, name, *one, plant);
  const Start plain_start = start_of(plain, vocabulary, seed);
  const Tensors want = run_reference<double>(plain, plain_start);
  // Of the plain graph too: a broken pass must not set its own bar.
  const Tensors in_f32 = run_reference<float>(plain, plain_start);
  const Start start = start_of(full, vocabulary, seed);
  compare(name + " optimised, in f64", run_reference<double>(full, start), want,
          rounding_of_f64(in_f32), report);
  const Tensors fast = run_backend(full, start, *one, plant);
  compare(name + " by onednn", fast, want, rounding_of_f32(in_f32), report);
  compare_bits(name + " by two threads", run_backend(full, start, *two, plant), fast, report);
  count_flat(want, report);
}

}  // namespace

Report check_model(const RandomModel& model, std::uint64_t seed, const Plant* plant) {
  Report report;
  for (const char* name : {"eval", "logits", "micro_step", "apply", "train"}) {
    guarded(name, report, [&] { check_graph(name, model, seed, plant, report); });
  }
  return report;
}

}  // namespace gptc::testing
