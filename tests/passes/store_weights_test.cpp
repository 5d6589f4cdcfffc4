// Weights stored otherwise: the same logits, as far as the form can hold the weights.
#include "passes/store_weights.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backends/reference/interpreter.h"
#include "passes/compile.h"
#include "tests/passes/support.h"

namespace gptc::testing {
namespace {

using passes::WeightStore;
using Tensor = reference::HostTensor<double>;

/// What a stored parameter holds, given the declared values; whole numbers are given, values
/// follow.
class Stored : public ::testing::TestWithParam<WeightStore> {
 protected:
  static constexpr std::int64_t group = 32;
  static ir::Graph lower(ir::Module& module) {
    ir::Graph graph = passes::lower(module, {.graph = "logits", .sizes = {{'B', 2}, {'T', 4}}}, {});
    check_module(module);
    return graph;
  }

  /// Values of the declared matrix (row, column) from the stored states.
  static double value(const Tensors& states, const passes::StoredWeight& weight, std::int64_t row,
                      std::int64_t column) {
    const std::int64_t channel = weight.transposed ? column : row;
    const std::int64_t k = weight.transposed ? row : column;
    const Tensor& stored = states.at(weight.name);
    const std::int64_t width = stored.type.shape[1].size();
    if (stored.is_real()) return stored.reals[static_cast<std::size_t>(channel * width + k)];
    const Tensor& scales = states.at(passes::scale_name(weight.name));
    if (weight.store == WeightStore::i8)
      return static_cast<double>(stored.ints[static_cast<std::size_t>(channel * width + k)]) *
             scales.reals[static_cast<std::size_t>(channel)];
    const std::int64_t half = k % group % (group / 2);
    const auto byte = static_cast<std::size_t>(channel * width + k / group * (group / 2) + half);
    const std::int64_t both = stored.ints[byte];
    const std::int64_t number = k % group < group / 2 ? ((both & 15) ^ 8) - 8 : both >> 4;
    return static_cast<double>(number) *
           scales.reals[static_cast<std::size_t>(channel * width * 2 / group + k / group)];
  }
};

TEST_P(Stored, ReadsTheSameValues) {
  ir::Module declared = load_model("gpt");
  ir::Module module = declared;
  const std::vector<passes::StoredWeight> stored = passes::store_weights(module, GetParam());
  const ir::Graph graph = lower(module);
  const ir::Graph whole = lower(declared);
  Tensors states = random_states(module, "states");
  Tensors plain = states;
  for (const passes::StoredWeight& weight : stored) {
    Tensor values(weight.declared);
    const std::int64_t columns = weight.declared.shape[1].size();
    for (std::size_t i = 0; i < values.reals.size(); ++i)
      values.reals[i] = value(states, weight, static_cast<std::int64_t>(i) / columns,
                              static_cast<std::int64_t>(i) % columns);
    plain[weight.name] = values;
  }
  Tensors inputs = random_inputs(whole, "run");
  inputs.at("last").ints = {3, 1};
  const auto want = reference::run<double>(whole, inputs, plain).at("logits");
  const auto got = reference::run<double>(graph, inputs, states).at("logits");
  double most = 0;
  for (const double x : want.reals) most = std::max(most, std::abs(x));
  ASSERT_GT(most, 0);
  // Beside whole numbers keys and values are rounded to bf16 (narrow_kept).
  const bool whole_numbers = GetParam() == WeightStore::i8 || GetParam() == WeightStore::i4;
  const double allowed = whole_numbers ? 1e-4 : 1e-9;
  for (std::size_t i = 0; i < want.reals.size(); ++i)
    EXPECT_NEAR(got.reals[i], want.reals[i], allowed * most) << i;
}

TEST_P(Stored, NoWeightIsWidenedWhole) {
  ir::Module module = load_model("gpt");
  const std::vector<passes::StoredWeight> stored = passes::store_weights(module, GetParam());
  EXPECT_TRUE(GetParam() == WeightStore::i4 || !stored.empty());
  const ir::Graph graph = lower(module);
  for (const ir::NodeId id : graph.nodes()) {
    if (graph[id].kind != ir::OpKind::cast && graph[id].kind != ir::OpKind::unpack_i4) continue;
    const ir::Node& source = graph.node(graph[id].operands[0]);
    const bool whole = GetParam() == WeightStore::i8 || GetParam() == WeightStore::i4;
    EXPECT_FALSE(whole && source.kind == ir::OpKind::state) << id.index;
  }
}

std::string form_name(const ::testing::TestParamInfo<WeightStore>& info) {
  constexpr const char* texts[] = {"f32", "bf16", "i8", "i4"};
  return texts[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Forms, Stored,
                         ::testing::Values(WeightStore::f32, WeightStore::bf16, WeightStore::i8,
                                           WeightStore::i4),
                         form_name);

}  // namespace
}  // namespace gptc::testing
