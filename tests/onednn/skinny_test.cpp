// Products with weights that lie channel by channel: near those of doubles, and a row has the same
// bits in any batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
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

// -- operands as doubles --------------------------------------------------------------------------

double value_of(float value) { return value; }
double value_of(std::int8_t value) { return value; }
double value_of(std::uint16_t bf16) { return std::bit_cast<float>(std::uint32_t{bf16} << 16); }

template <class T>
std::vector<double> values_of(OneNode& node, std::size_t operand) {
  std::vector<double> values;
  for (const T value : node.operand<T>(operand)) values.push_back(value_of(value));
  return values;
}

std::vector<double> floats_of(OneNode& node, std::size_t operand, DType dtype) {
  return dtype == DType::bf16 ? values_of<std::uint16_t>(node, operand)
                              : values_of<float>(node, operand);
}

/// w[channels, inner].
std::vector<double> weights_of(const Form& form, OneNode& node) {
  if (form.op != ir::OpKind::matmul_i4)
    return form.w == DType::i8 ? values_of<std::int8_t>(node, 1) : floats_of(node, 1, form.w);
  std::vector<double> values;
  const auto bytes = node.operand<std::uint8_t>(1);
  const auto scales = node.operand<float>(2);
  constexpr std::size_t half = 16;  // bytes of a group
  for (std::size_t at = 0; at < bytes.size(); at += half) {
    const double scale = scales[at / half];
    for (const int shift : {0, 4}) {
      for (const std::uint8_t both : bytes.subspan(at, half))
        values.push_back((((both >> shift) & 15) ^ 8) * scale - 8 * scale);
    }
  }
  return values;
}

/// Of all rows: the products, and the sums of their terms' sizes.
struct Wanted {
  std::vector<double> products;
  std::vector<double> sizes;
};

Wanted wanted_of(const Form& form, const Sizes& sizes, OneNode& node) {
  const std::vector<double> x = floats_of(node, 0, form.x);
  const std::vector<double> w = weights_of(form, node);
  const auto inner = static_cast<std::size_t>(sizes.inner);
  Wanted wanted;
  for (std::size_t row = 0; row < x.size(); row += inner) {
    for (std::size_t channel = 0; channel < w.size(); channel += inner) {
      double product = 0;
      double size = 0;
      for (std::size_t k = 0; k < inner; ++k) {
        product += x[row + k] * w[channel + k];
        size += std::abs(x[row + k] * w[channel + k]);
      }
      wanted.products.push_back(product);
      wanted.sizes.push_back(size);
    }
  }
  return wanted;
}

class SkinnyForms : public ::testing::TestWithParam<Form> {};

/// i4 has whole groups only; the others any size.
std::vector<Sizes> sizes_for(const Form& form) {
  std::vector<Sizes> all = {{32, 3}, {160, 33}, {768, 131}, {96, 300}, {1600, 49}};
  if (form.op != ir::OpKind::matmul_i4) all.insert(all.end(), {{1, 9}, {45, 37}, {1003, 20}});
  return all;
}

TEST_P(SkinnyForms, AreNearThoseOfDoubles) {
  const Form& form = GetParam();
  constexpr double tolerance = 1e-4;  // of the terms; rows are rounded to 16 bits
  for (const Sizes& sizes : sizes_for(form)) {
    for (const std::int64_t rows : {1, 2, 3, 4, 9, 16}) {
      OneNode node = product(form, sizes, rows, 2);
      const Wanted wanted = wanted_of(form, sizes, node);
      node.run();
      const auto got = node.result(0);
      for (std::size_t i = 0; i < got.size(); ++i)
        ASSERT_LE(std::abs(got[i] - wanted.products[i]), tolerance * wanted.sizes[i])
            << "element " << i << " of " << rows << " rows, " << sizes.inner << " x "
            << sizes.channels;
    }
  }
}

TEST_P(SkinnyForms, RowsHaveTheSameBitsInAnyBatch) {
  const Form& form = GetParam();
  for (const Sizes& sizes : sizes_for(form)) {
    for (const std::int64_t rows : {2, 3, 4, 5, 7, 8, 12, 13, 16, 21, 31, 64, 70}) {
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

/// Whole numbers have neither: a row that holds one becomes NaN, and no other does.
TEST_P(SkinnyForms, NanAndInfinityReachTheirRowAlone) {
  const Form& form = GetParam();
  const Sizes sizes = {96, 40};
  for (const std::int64_t rows : {3, 16}) {
    for (const std::size_t place : {std::size_t{0}, std::size_t{50}, std::size_t{95}}) {
      for (const std::uint32_t bits : {0x7fc00000U, 0x7f800000U, 0xff800000U}) {
        OneNode node = product(form, sizes, rows, 2);
        const std::size_t at = 96 + place;  // of the second row
        if (form.x == DType::bf16) {
          node.operand<std::uint16_t>(0)[at] = static_cast<std::uint16_t>(bits >> 16);
        } else {
          node.operand<float>(0)[at] = std::bit_cast<float>(bits);
        }
        node.run();
        const auto got = node.result(0);
        for (std::size_t i = 0; i < got.size(); ++i)
          ASSERT_EQ(std::isfinite(got[i]), i / 40 != 1)
              << "element " << i << " of " << rows << " rows, value at " << place;
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
