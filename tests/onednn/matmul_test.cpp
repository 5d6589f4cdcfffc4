#include <gtest/gtest.h>

#include <cmath>

#include "tests/onednn/one_node.h"

namespace gptc::testing {
namespace {

using ir::DType;
using ir::OpKind;
using ir::Shape;

struct Product {
  std::int64_t batch, m, k, n;
  bool transpose_a, transpose_b, shared_b;
};

Shape stored(std::int64_t batch, std::int64_t rows, std::int64_t cols, bool transposed) {
  if (transposed) std::swap(rows, cols);
  return batch == 0 ? Shape{rows, cols} : Shape{batch, rows, cols};
}

std::vector<double> naive_product(OneNode& node, const Product& p) {
  const auto a = node.operand(0);
  const auto b = node.operand(1);
  const std::int64_t batches = std::max<std::int64_t>(p.batch, 1);
  std::vector<double> y;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const auto a0 = static_cast<std::size_t>(batch * p.m * p.k);
    const auto b0 = p.shared_b ? 0 : static_cast<std::size_t>(batch * p.k * p.n);
    for (std::int64_t i = 0; i < p.m; ++i) {
      for (std::int64_t j = 0; j < p.n; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < p.k; ++l) {
          const auto ai = static_cast<std::size_t>(p.transpose_a ? l * p.m + i : i * p.k + l);
          const auto bi = static_cast<std::size_t>(p.transpose_b ? j * p.k + l : l * p.n + j);
          sum += static_cast<double>(a[a0 + ai]) * static_cast<double>(b[b0 + bi]);
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

/// Beyond some size another of oneDNN's kernels is chosen.
TEST(Matmul, LargeProductsEqualLoopsAndDoNotDependOnThreads) {
  for (const bool transpose_a : {false, true}) {
    const Product p{0, 257, 700, 400, transpose_a, !transpose_a, true};
    const Product deep{0, 33, 5000, 64, transpose_a, false, true};
    for (const Product& product : {p, deep}) {
      std::vector<float> first;
      for (const int threads : {1, 2, 3}) {
        OneNode node(OpKind::matmul,
                     {{DType::f32, stored(0, product.m, product.k, product.transpose_a)},
                      {DType::f32, stored(0, product.k, product.n, product.transpose_b)}},
                     {{"transpose_a", product.transpose_a}, {"transpose_b", product.transpose_b}},
                     {.threads = threads});
        node.fill(0, 1);
        node.fill(1, 2);
        node.run();
        if (threads == 1) {
          expect_close(node.result(0), naive_product(node, product), 5e-5);
          first.assign(node.result(0).begin(), node.result(0).end());
        }
        EXPECT_TRUE(std::ranges::equal(first, node.result(0))) << threads << " threads";
      }
    }
  }
}

class MatmulShapes : public ::testing::TestWithParam<Product> {};

TEST_P(MatmulShapes, EqualsLoops) {
  const Product& p = GetParam();
  for (const int threads : {1, 2}) {
    OneNode node(OpKind::matmul,
                 {{DType::f32, stored(p.batch, p.m, p.k, p.transpose_a)},
                  {DType::f32, stored(p.shared_b ? 0 : p.batch, p.k, p.n, p.transpose_b)}},
                 {{"transpose_a", p.transpose_a}, {"transpose_b", p.transpose_b}},
                 {.threads = threads});
    node.fill(0, 1);
    node.fill(1, 2);
    node.run();
    expect_close(node.result(0), naive_product(node, p), 1e-5);
  }
}

std::vector<Product> all_products() {
  std::vector<Product> products;
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      products.push_back({0, 37, 19, 53, a, b, true});
      products.push_back({0, 1, 65, 7, a, b, true});
      products.push_back({0, 130, 257, 33, a, b, true});
      products.push_back({3, 17, 9, 21, a, b, false});
      products.push_back({3, 17, 9, 21, a, b, true});
      products.push_back({5, 1, 31, 1, a, b, false});
    }
  }
  return products;
}

INSTANTIATE_TEST_SUITE_P(All, MatmulShapes, ::testing::ValuesIn(all_products()));

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

/// Operands a, b, then one per bias, mul and add.
std::vector<double> naive_epilogue(OneNode& node, const Product& p, const ir::Strings& epilogue) {
  std::vector<double> y = naive_product(node, p);
  std::size_t next = 2;
  for (const std::string& op : epilogue) {
    const auto extra = op == "gelu" || op == "relu" ? std::span<float>() : node.operand(next++);
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (op == "gelu") y[i] = gelu(y[i]);
      if (op == "relu") y[i] = std::max(0.0, y[i]);
      if (op == "bias") y[i] += static_cast<double>(extra[i % static_cast<std::size_t>(p.n)]);
      if (op == "mul") y[i] *= static_cast<double>(extra[i]);
      if (op == "add") y[i] += static_cast<double>(extra[i]);
    }
  }
  return y;
}

void check_epilogue(const ir::Strings& epilogue, const Product& p, int in_place) {
  const Shape result = stored(p.batch, p.m, p.n, false);
  std::vector<ir::Type> types = {
      {DType::f32, stored(p.batch, p.m, p.k, p.transpose_a)},
      {DType::f32, stored(p.shared_b ? 0 : p.batch, p.k, p.n, p.transpose_b)}};
  for (const std::string& op : epilogue) {
    if (op == "bias") types.push_back({DType::f32, Shape{p.n}});
    if (op == "mul" || op == "add") types.push_back({DType::f32, result});
  }
  OneNode node(
      OpKind::matmul, types,
      {{"transpose_a", p.transpose_a}, {"transpose_b", p.transpose_b}, {"epilogue", epilogue}},
      {.threads = 2, .in_place = in_place});
  for (std::size_t i = 0; i < types.size(); ++i) node.fill(i, static_cast<unsigned>(i) + 5);
  const std::vector<double> want = naive_epilogue(node, p, epilogue);
  node.run();
  expect_close(in_place < 0 ? node.result(0) : node.operand(static_cast<std::size_t>(in_place)),
               want, 2e-5);
}

class MatmulEpilogue : public ::testing::TestWithParam<ir::Strings> {};
class MatmulInPlace : public ::testing::TestWithParam<ir::Strings> {};

TEST_P(MatmulEpilogue, EqualsLoops) {
  for (const bool transpose_b : {false, true}) {
    check_epilogue(GetParam(), {0, 45, 38, 51, false, transpose_b, true}, -1);
    check_epilogue(GetParam(), {4, 15, 38, 51, false, transpose_b, true}, -1);
    check_epilogue(GetParam(), {2, 15, 38, 51, true, transpose_b, true}, -1);
    check_epilogue(GetParam(), {3, 15, 38, 51, false, transpose_b, false}, -1);
  }
}

TEST_P(MatmulInPlace, EveryAddMayLieUnderTheResult) {
  int operand = 2;
  for (const std::string& op : GetParam()) {
    if (op == "add") {
      check_epilogue(GetParam(), {0, 45, 300, 51, false, false, true}, operand);
      check_epilogue(GetParam(), {3, 45, 30, 51, true, false, false}, operand);
      check_epilogue(GetParam(), {0, 17, 1601, 31, true, false, true}, operand);
    }
    if (op != "gelu" && op != "relu") ++operand;
  }
}

TEST(Matmul, LargeProductsTakeEpilogues) {
  const ir::Strings epilogue = {"bias", "gelu", "mul", "add"};
  check_epilogue(epilogue, {0, 256, 300, 900, false, true, true}, -1);
  check_epilogue(epilogue, {0, 256, 300, 900, false, false, true}, 4);
  check_epilogue({"add"}, {0, 256, 300, 900, true, false, true}, 2);
}

const auto with_add =
    ::testing::Values(ir::Strings{"add"}, ir::Strings{"bias", "add"}, ir::Strings{"add", "bias"},
                      ir::Strings{"bias", "gelu", "mul", "add"}, ir::Strings{"add", "add", "relu"},
                      ir::Strings{"mul", "add", "bias", "gelu"});
const auto without_add =
    ::testing::Values(ir::Strings{"bias"}, ir::Strings{"gelu"}, ir::Strings{"relu"},
                      ir::Strings{"mul"}, ir::Strings{"bias", "gelu"});

INSTANTIATE_TEST_SUITE_P(WithAdd, MatmulEpilogue, with_add);
INSTANTIATE_TEST_SUITE_P(WithoutAdd, MatmulEpilogue, without_add);
INSTANTIATE_TEST_SUITE_P(WithAdd, MatmulInPlace, with_add);

}  // namespace
}  // namespace gptc::testing
