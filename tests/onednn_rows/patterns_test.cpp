// Shapes that make plans merge, split and walk axes in every way.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/onednn_rows/check.h"

namespace gptc::testing {
namespace {

using ir::OpKind;

TEST(Broadcast, EveryPairOfKeptAxes) {
  for (int left = 0; left < 16; ++left) {
    for (int right = 0; right < 16; ++right) {
      const auto type = [](int kept) {
        const auto size = [&](int axis, int whole) { return (kept >> axis & 1) != 0 ? whole : 1; };
        return fmt::format("f32[{}x{}x{}x{}]", size(0, 2), size(1, 3), size(2, 5), size(3, 7));
      };
      check_rows({.name = fmt::format("sub_{}_{}", left, right),
                  .op = OpKind::sub,
                  .operands = {real(type(left)), real(type(right))}});
    }
  }
}

TEST(Broadcast, OfOneOperand) {
  for (const char* type : {"f32[]", "f32[7]", "f32[5x1]", "f32[3x1x7]", "f32[2x1x5x1]", "i32[1x7]"})
    check_rows({.name = "broadcast",
                .op = OpKind::broadcast,
                .operands = {std::string(type)[0] == 'i' ? ids(type, 0, 9) : real(type)},
                .attrs = {{"shape", ir::Shape{2, 3, 5, 7}}}});
}

TEST(Transpose, EveryPermutation) {
  for (const char* type : {"f32[2x3x5x7]", "f32[33x1x40x2]", "bf16[3x2x35x9]"}) {
    ir::Ints perm = {0, 1, 2, 3};
    do {
      check_rows({.name = fmt::format("perm{}{}{}{}", perm[0], perm[1], perm[2], perm[3]),
                  .op = OpKind::transpose,
                  .operands = {real(type)},
                  .attrs = {{"perm", perm}}});
    } while (std::ranges::next_permutation(perm).found);
  }
}

TEST(Reduce, EverySetOfAxes) {
  for (int set = 1; set < 16; ++set) {
    ir::Ints axes;
    for (int axis = 0; axis < 4; ++axis)
      if ((set >> axis & 1) != 0) axes.push_back(axis);
    check_rows({.name = fmt::format("sum_{}", set),
                .op = OpKind::reduce_sum,
                .operands = {real("f32[3x17x2x19]", 0, 1)},
                .attrs = {{"axes", axes}}});
  }
}

TEST(Reduce, ManyBlocks) {
  const auto sum = [](const char* name, const char* type, const ir::Ints& axes) {
    check_rows({.name = name,
                .op = OpKind::reduce_sum,
                .operands = {real(type, 0, 1)},
                .attrs = {{"axes", axes}}});
  };
  sum("long_row", "f32[100003]", {0});
  sum("columns", "f32[1001x33]", {0});
  sum("rows", "f32[1001x33]", {1});
  sum("middle", "f32[3x1001x33]", {1});
  sum("outside_middle", "f32[70x3x50x9]", {0, 2});
  sum("two_rows", "f32[2x70001]", {1});
}

TEST(Parts, OfEveryAxis) {
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    const ir::Attrs at = {{"axis", axis}};
    const auto with = [&](std::initializer_list<std::pair<std::string, ir::AttrValue>> more) {
      ir::Attrs attrs = at;
      for (const auto& [name, value] : more) attrs.set(name, value);
      return attrs;
    };
    const Operand x = real("f32[4x5x6]");
    check_rows({.name = "slice",
                .op = OpKind::slice,
                .operands = {x},
                .attrs = with({{"start", std::int64_t{1}}, {"size", ir::Shape{2}}})});
    check_rows({.name = "pad",
                .op = OpKind::pad,
                .operands = {x},
                .attrs = with({{"before", std::int64_t{2}}, {"size", ir::Shape{9}}})});
    check_rows({.name = "concat", .op = OpKind::concat, .operands = {x, x, x}, .attrs = at});
    for (const std::int64_t by : {-7, -2, 0, 1, 4})
      check_rows({.name = fmt::format("shift{}", by),
                  .op = OpKind::shift,
                  .operands = {x},
                  .attrs = with({{"by", by}})});
  }
}

}  // namespace
}  // namespace gptc::testing
