// A row of a product with weights that lie channel by channel has the same bits in any batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/onednn/one_node.h"

namespace gptc::testing {
namespace {

using ir::DType;

struct Form {
  const char* name;
  ir::OpKind op;
  DType x;
  DType w;
};

struct Sizes {
  std::int64_t inner;
  std::int64_t channels;
};

OneNode product(const Form& form, const Sizes& sizes, std::int64_t rows, int threads) {
  std::vector<ir::Type> operands = {{form.x, {rows, sizes.inner}}};
  ir::Attrs attrs;
  if (form.op == ir::OpKind::matmul_i4) {
    operands.push_back({DType::i8, {sizes.channels, sizes.inner / 2}});
    operands.push_back({DType::f32, {sizes.channels, sizes.inner / 32}});
  } else {
    operands.push_back({form.w, {sizes.channels, sizes.inner}});
    attrs = {{"transpose_b", true}, {"exact", true}};
    if (form.x == DType::bf16) attrs.set("wide", true);
  }
  OneNode node(form.op, operands, attrs, {.threads = threads});
  node.fill(0, 1);
  if (form.w == DType::i8) {
    std::mt19937 random(2);
    for (std::uint8_t& value : node.operand<std::uint8_t>(1))
      value = static_cast<std::uint8_t>(random());
  } else {
    node.fill(1, 2);
  }
  if (operands.size() > 2) node.fill(2, 3, 0.1F);
  return node;
}

/// The first operand of `to`, one row, becomes a row of that of `from`.
template <class T>
void copy_row(OneNode& from, std::size_t row, OneNode& to) {
  const std::span<T> one = to.operand<T>(0);
  std::ranges::copy(from.operand<T>(0).subspan(row * one.size(), one.size()), one.begin());
}

class SkinnyForms : public ::testing::TestWithParam<Form> {};

TEST_P(SkinnyForms, RowsHaveTheSameBitsInAnyBatch) {
  const Form& form = GetParam();
  for (const Sizes& sizes : {Sizes{32, 3}, Sizes{160, 33}, Sizes{768, 131}, Sizes{96, 300}}) {
    for (const std::int64_t rows : {2, 3, 4, 5, 7, 8, 12, 13, 16, 21, 70}) {
      OneNode batch = product(form, sizes, rows, 2);
      batch.run();
      const auto all = batch.result(0);
      const auto channels = static_cast<std::size_t>(sizes.channels);
      for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
        OneNode alone = product(form, sizes, 1, 1);
        if (form.x == DType::bf16) {
          copy_row<std::uint16_t>(batch, row, alone);
        } else {
          copy_row<float>(batch, row, alone);
        }
        alone.run();
        ASSERT_TRUE(std::ranges::equal(alone.result(0), all.subspan(row * channels, channels)))
            << "row " << row << " of " << rows << ", " << sizes.inner << " x " << sizes.channels;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, SkinnyForms,
    ::testing::Values(Form{"f32", ir::OpKind::matmul, DType::f32, DType::f32},
                      Form{"bf16", ir::OpKind::matmul, DType::bf16, DType::bf16},
                      Form{"i8", ir::OpKind::matmul, DType::f32, DType::i8},
                      Form{"i4", ir::OpKind::matmul_i4, DType::f32, DType::i8}),
    [](const auto& at) { return at.param.name; });

}  // namespace
}  // namespace gptc::testing
