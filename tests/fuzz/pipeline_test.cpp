// Random models through every pipeline. For each graph:
//  - the optimised graph on the reference in f64 equals the graph that the steps alone make;
//  - the fast backend, on a planned and poisoned arena, equals that too, up to rounding in f32;
//  - one and two threads give the same bits; the text form parses back after every stage;
//  - passes alone and in random orders keep the numbers; gradients are the loss's slopes.
// GPTC_FUZZ_GRAPHS: how many models (a failing one is made small and printed); GPTC_FUZZ_SEED: the
// first seed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "ir/print.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/planted.h"
#include "tests/fuzz/shrink.h"

namespace gptc::testing {
namespace {

constexpr std::uint64_t shards = 4;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}
std::uint64_t graph_count() { return setting("GPTC_FUZZ_GRAPHS", 80); }
std::uint64_t first_seed() { return setting("GPTC_FUZZ_SEED", 1); }

Report check_all(const RandomModel& model, std::uint64_t seed) {
  Report report = check_model(model, seed);
  for (const auto check : {check_passes, check_gradients}) {
    const Report more = check(model, seed);
    report.failures.insert(report.failures.end(), more.failures.begin(), more.failures.end());
  }
  return report;
}

/// What fails, without the figures.
std::string kind_of(const std::string& failure) { return failure.substr(0, failure.find(':')); }

std::string story_of(const RandomModel& model, std::uint64_t seed, const Report& report) {
  const std::string kind = kind_of(report.failures.front());
  const RandomModel small = shrink(
      model,
      [&](const RandomModel& candidate) {
        const Failures failures = check_all(candidate, seed).failures;
        return !failures.empty() && kind_of(failures.front()) == kind;
      },
      300);
  std::string sizes;
  for (const auto& [name, size] : small.sizes) sizes += fmt::format(" {}={}", name, size);
  const Failures failures = check_all(small, seed).failures;
  return fmt::format(
      "GPTC_FUZZ_SEED={} GPTC_FUZZ_GRAPHS=1 fuzz_tests\n{}\nmade small:\n{}\n#{}\n{}", seed,
      fmt::join(report.failures, "\n"), fmt::join(failures, "\n"), sizes, ir::print(small.module));
}

class Fuzz : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Fuzz, AllWaysAgree) {
  std::size_t values = 0;
  std::size_t flat = 0;
  for (std::uint64_t i = GetParam(); i < graph_count(); i += shards) {
    const std::uint64_t seed = first_seed() + i;
    const RandomModel model = random_model(seed);
    const Report report = check_all(model, seed);
    values += report.values;
    flat += report.flat;
    if (!report.failures.empty()) ADD_FAILURE() << story_of(model, seed, report);
  }
  EXPECT_LE(flat * 5, values) << "too many results are all zero or all equal";
}

INSTANTIATE_TEST_SUITE_P(Pipelines, Fuzz, ::testing::Range<std::uint64_t>(0, shards));

}  // namespace

void PrintTo(const Plant& plant, std::ostream* out) { *out << plant.name; }

namespace {

class Planted : public ::testing::TestWithParam<Plant> {};

/// The test of the test: each fault is seen within the models that a run looks at, by its numbers.
TEST_P(Planted, IsFound) {
  for (std::uint64_t i = 0; i < graph_count(); ++i) {
    const std::uint64_t seed = first_seed() + i;
    const Failures failures = check_model(random_model(seed), seed, &GetParam()).failures;
    const bool numbers_differ = std::any_of(
        failures.begin(), failures.end(),
        [](const std::string& failure) { return failure.find(" throws: ") == std::string::npos; });
    if (numbers_differ) return;
  }
  FAIL() << "a compiler that " << GetParam().name << " passes";
}

std::string test_name(const ::testing::TestParamInfo<Plant>& info) {
  std::string name(info.param.name);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '\''; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Faults, Planted, ::testing::ValuesIn(plants()), test_name);

}  // namespace
}  // namespace gptc::testing
