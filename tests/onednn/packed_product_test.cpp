// Products by our own loops against the definition, on every instruction set, whatever the strides,
// types, steps and number of threads.
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "backends/onednn/packed_product.h"
#include "backends/runtime/memory.h"
#include "backends/runtime/tensor.h"

namespace gptc::testing {
namespace {

using ir::DType;
using onednn::MatmulSpec;
using onednn::MatrixLayout;
using onednn::PostOp;

struct Case {
  std::int64_t batch, m, k, n;
  bool transpose_a, transpose_b, shared_b;
  DType operands = DType::f32;
  DType result = DType::f32;
  std::vector<PostOp> steps = {};
  std::int64_t pitch = 0;  // from row to row of c; 0: n
};

/// Values in (-1, 1) that bf16 holds exactly, so that all types compute the same.
class Numbers {
 public:
  Numbers(DType dtype, std::int64_t size, unsigned seed) : dtype_(dtype), bytes_(size * 4) {
    for (std::int64_t i = 0; i < size; ++i) {
      seed = seed * 1664525U + 1013904223U;
      set(i, static_cast<float>(static_cast<int>(seed >> 24) - 128) / 128.F);
    }
  }
  std::byte* data() { return bytes_.data(); }
  float at(std::int64_t i) const {
    if (dtype_ == DType::f32) return reinterpret_cast<const float*>(bytes_.data())[i];
    return runtime::bf16_to_f32(reinterpret_cast<const std::uint16_t*>(bytes_.data())[i]);
  }
  void set(std::int64_t i, float value) {
    if (dtype_ == DType::f32) {
      reinterpret_cast<float*>(bytes_.data())[i] = value;
    } else {
      reinterpret_cast<std::uint16_t*>(bytes_.data())[i] = runtime::f32_to_bf16(value);
    }
  }

 private:
  DType dtype_;
  runtime::Memory bytes_;
};

MatrixLayout layout(DType dtype, std::int64_t batch, std::int64_t rows, std::int64_t cols,
                    bool transposed) {
  if (!transposed) return MatrixLayout::plain(dtype, batch, rows, cols);
  return MatrixLayout::plain(dtype, batch, cols, rows).transposed();
}

std::int64_t index(const MatrixLayout& of, std::int64_t batch, std::int64_t row, std::int64_t col) {
  return (of.batch > 1 ? batch * of.batch_stride : 0) + row * of.row_stride + col * of.col_stride;
}

double gelu(double x) {
  const double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1 + std::tanh(u));
}

class Checked {
 public:
  explicit Checked(const Case& c)
      : spec_{.a = layout(c.operands, c.batch, c.m, c.k, c.transpose_a),
              .b = layout(c.operands, c.shared_b ? 1 : c.batch, c.k, c.n, c.transpose_b),
              .c = MatrixLayout::plain(c.result, c.batch, c.m, c.n),
              .post_ops = {}},
        a_(c.operands, c.batch * c.m * c.k, 1),
        b_(c.operands, spec_.b.batch * c.k * c.n, 2) {
    if (c.pitch > 0) {
      spec_.c.row_stride = c.pitch;
      spec_.c.batch_stride = c.m * c.pitch;
    }
    for (const PostOp op : c.steps) {
      spec_.post_ops.push_back({op, c.operands});
      if (op == PostOp::bias_row || op == PostOp::mul || op == PostOp::add)
        operands_.emplace_back(c.operands, size(), static_cast<unsigned>(3 + operands_.size()));
    }
  }

  /// The result's elements, gaps of the pitch included, as the product left them.
  std::vector<float> run(int threads) {
    Numbers c(spec_.c.dtype, size(), 9);
    std::vector<const std::byte*> operands;
    for (Numbers& operand : operands_) operands.push_back(operand.data());
    const onednn::PackedProduct product(spec_);
    const std::int64_t bytes = product.scratchpad_bytes(threads);
    constexpr std::int64_t guard = 4096;
    const runtime::Memory scratch(bytes + guard);
    std::memset(scratch.data(), 0xff, static_cast<std::size_t>(bytes + guard));  // NaN
    product
        .bind({.a = a_.data(),
               .b = b_.data(),
               .c = c.data(),
               .operands = operands,
               .scratchpad = scratch.data()},
              threads)
        ->execute();
    for (std::int64_t i = bytes; i < bytes + guard; ++i)
      EXPECT_EQ(scratch.data()[i], std::byte{0xff}) << "written behind the scratchpad";
    std::vector<float> all;
    for (std::int64_t i = 0; i < size(); ++i) all.push_back(c.at(i));
    return all;
  }

  void expect(const std::vector<float>& got) const {
    const Numbers old(spec_.c.dtype, size(), 9);
    const double tolerance = spec_.c.dtype == DType::f32 ? 2e-5 : 8e-3;
    for (std::int64_t batch = 0; batch < spec_.c.batch; ++batch) {
      for (std::int64_t row = 0; row < spec_.c.rows; ++row) {
        for (std::int64_t col = 0; col < spec_.c.row_stride; ++col) {
          const std::int64_t at = index(spec_.c, batch, row, col);
          const float value = got[static_cast<std::size_t>(at)];
          if (col >= spec_.c.cols) {
            ASSERT_EQ(value, old.at(at)) << "written behind row " << row;
            continue;
          }
          const double want = element(batch, row, col, old.at(at));
          ASSERT_NEAR(value, want, tolerance * (1 + std::abs(want))) << row << ", " << col;
        }
      }
    }
  }

 private:
  std::int64_t size() const { return spec_.c.batch * spec_.c.rows * spec_.c.row_stride; }

  double element(std::int64_t batch, std::int64_t row, std::int64_t col, double old) const {
    double x = 0;
    for (std::int64_t k = 0; k < spec_.a.cols; ++k)
      x += static_cast<double>(a_.at(index(spec_.a, batch, row, k))) *
           static_cast<double>(b_.at(index(spec_.b, batch, k, col)));
    std::size_t operand = 0;
    for (const onednn::PostStep& step : spec_.post_ops) {
      const auto next = [&](std::int64_t at) {
        return static_cast<double>(operands_[operand++].at(at));
      };
      const std::int64_t here = index(spec_.c, batch, row, col);
      if (step.op == PostOp::bias_row) x += next(col);
      if (step.op == PostOp::add) x += next(here);
      if (step.op == PostOp::mul) x *= next(here);
      if (step.op == PostOp::accumulate) x += old;
      if (step.op == PostOp::gelu_tanh) x = gelu(x);
      if (step.op == PostOp::relu) x = std::max(x, 0.0);
    }
    return x;
  }

  MatmulSpec spec_;
  Numbers a_;
  Numbers b_;
  std::vector<Numbers> operands_;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const DType type : {DType::f32, DType::bf16}) {
        all.push_back({1, 1, 1, 1, ta, tb, true, type});
        all.push_back({1, 7, 3, 17, ta, tb, true, type});
        all.push_back({1, 67, 530, 33, ta, tb, true, type});
        all.push_back({3, 20, 260, 40, ta, tb, false, type});
        all.push_back({5, 13, 9, 31, ta, tb, true, type});
      }
    }
  }
  // Several blocks of rows, the last not whole, for threads to share.
  for (const bool ta : {false, true}) all.push_back({1, 403, 37, 250, ta, false, true});
  // More columns than are packed at a time, and more of the sum.
  all.push_back({1, 14, 20, 4700, false, false, true});
  all.push_back({1, 14, 5300, 300, true, false, true});
  const std::vector<std::vector<PostOp>> steps = {
      {PostOp::bias_row, PostOp::gelu_tanh},
      {PostOp::accumulate},
      {PostOp::bias_row, PostOp::accumulate},
      {PostOp::mul, PostOp::add},
      {PostOp::bias_row, PostOp::relu, PostOp::mul, PostOp::accumulate},
  };
  for (const auto& list : steps) {
    for (const DType result : {DType::f32, DType::bf16}) {
      all.push_back({1, 45, 100, 51, false, false, true, result, result, list});
      all.push_back({1, 45, 600, 51, false, true, true, DType::bf16, result, list, 64});
      all.push_back({2, 31, 300, 35, true, false, false, DType::f32, result, list});
    }
  }
  return all;
}

class PackedProduct : public ::testing::TestWithParam<Case> {};

TEST_P(PackedProduct, EqualsLoopsOnEveryInstructionSetForAnyThreads) {
  Checked product(GetParam());
  for (std::int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest);
    const std::vector<float> one = product.run(1);
    product.expect(one);
    EXPECT_EQ(one, product.run(3)) << "the number of threads changes bits";
  }
  hwy::SetSupportedTargetsForTest(0);
}

INSTANTIATE_TEST_SUITE_P(All, PackedProduct, ::testing::ValuesIn(cases()));

TEST(PackedProducts, ARowHasTheSameBitsBesideAnyOthers) {
  const std::int64_t n = 40;
  const std::vector<float> many = Checked({1, 250, 1100, n, false, false, true}).run(2);
  for (const std::int64_t rows : {1, 5, 67, 200}) {
    const std::vector<float> few = Checked({1, rows, 1100, n, false, false, true}).run(1);
    EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin())) << rows << " rows";
  }
}

}  // namespace
}  // namespace gptc::testing
