// Row functions of the elementwise ops.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/elementwise_rows.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include "backends/onednn/rows.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace {

// clang-format off
#define UNARY(Name, ...)                                             \
  struct Name {                                                      \
    HWY_INLINE VF32 operator()(VF32 x) const { const F32 d; (void)d; return __VA_ARGS__; } \
  };
#define BINARY(Name, ...)                                            \
  struct Name {                                                      \
    HWY_INLINE VF32 operator()(VF32 a, VF32 b) const { return __VA_ARGS__; } \
  };

UNARY(Neg, hn::Neg(x))
UNARY(Exp, exp_of(d, x))
UNARY(Log, log_of(d, x))
UNARY(Sqrt, hn::Sqrt(x))
UNARY(Rsqrt, hn::Div(hn::Set(d, 1.0F), hn::Sqrt(x)))
UNARY(Tanh, tanh_of(d, x))
UNARY(Sigmoid, sigmoid_of(d, x))
UNARY(Relu, hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x))
UNARY(Step, hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0F)))
UNARY(GeluValue, Gelu::value(d, x))
BINARY(Add, hn::Add(a, b))
BINARY(Sub, hn::Sub(a, b))
BINARY(Mul, hn::Mul(a, b))
BINARY(Div, hn::Div(a, b))
BINARY(Maximum, MaxVectors{}(a, b))
// clang-format on

#undef UNARY
#undef BINARY

/// Rows that follow each other without a gap are one long row.
bool is_flat(const RowArg& arg, std::int64_t cols) {
  return arg.row_stride == cols && (arg.col_stride == 1 || cols == 1);
}
bool is_single(const RowArg& arg, std::int64_t cols) {
  return arg.row_stride == 0 && (arg.col_stride == 0 || cols == 1);
}

template <class F>
void unary_rows(const RowTile& tile) {
  const RowArg& x = tile.operands[0];
  const RowArg& y = tile.results[0];
  const bool flat = is_flat(x, tile.cols) && is_flat(y, tile.cols);
  const std::int64_t cols = flat ? tile.rows * tile.cols : tile.cols;
  for (std::int64_t r = 0; r < (flat ? 1 : tile.rows); ++r) {
    const float* from = x.row(r);
    float* to = y.row(r);
    sweep(cols, [&](std::int64_t i, auto access) HWY_ATTR {
      const F32 d;
      access.store(d, F{}(access.load(d, from + i)), to + i);
    });
  }
}

/// A row, or one value for all its columns.
struct Vectors {
  const float* data;
  template <class Access>
  HWY_INLINE VF32 at(std::int64_t i, Access access) const {
    return access.load(F32(), data + i);
  }
};
struct Single {
  VF32 value;
  template <class Access>
  HWY_INLINE VF32 at(std::int64_t /*i*/, Access /*access*/) const {
    return value;
  }
};

template <class F, class A, class B>
HWY_INLINE void binary_row(const A& a, const B& b, float* to, std::int64_t cols) {
  sweep(cols, [&](std::int64_t i, auto access)
                  HWY_ATTR { access.store(F32(), F{}(a.at(i, access), b.at(i, access)), to + i); });
}

template <class F>
void binary_rows(const RowTile& tile) {
  const F32 d;
  const RowArg& a = tile.operands[0];
  const RowArg& b = tile.operands[1];
  const RowArg& y = tile.results[0];
  const bool flat = is_flat(y, tile.cols) && (is_flat(a, tile.cols) || is_single(a, tile.cols)) &&
                    (is_flat(b, tile.cols) || is_single(b, tile.cols));
  const std::int64_t cols = flat ? tile.rows * tile.cols : tile.cols;
  // Where rows are joined, a column of one-element rows has become a row.
  const bool a_row = flat ? a.row_stride != 0 : a.col_stride != 0;
  const bool b_row = flat ? b.row_stride != 0 : b.col_stride != 0;
  for (std::int64_t r = 0; r < (flat ? 1 : tile.rows); ++r) {
    const Vectors av{a.row(r)};
    const Vectors bv{b.row(r)};
    float* to = y.row(r);
    if (a_row && b_row) {
      binary_row<F>(av, bv, to, cols);
    } else if (a_row) {
      binary_row<F>(av, Single{hn::Set(d, *b.row(r))}, to, cols);
    } else if (b_row) {
      binary_row<F>(Single{hn::Set(d, *a.row(r))}, bv, to, cols);
    } else {
      binary_row<F>(Single{hn::Set(d, *a.row(r))}, Single{hn::Set(d, *b.row(r))}, to, cols);
    }
  }
}

/// Results: gelu(x), gelu'(x); either may be null.
void gelu_with_grad_rows(const RowTile& tile) {
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    const float* from = tile.operands[0].row(r);
    float* value = tile.results[0].data == nullptr ? nullptr : tile.results[0].row(r);
    float* slope = tile.results[1].data == nullptr ? nullptr : tile.results[1].row(r);
    sweep(tile.cols, [&](std::int64_t i, auto access) HWY_ATTR {
      const F32 d;
      const VF32 x = access.load(d, from + i);
      const VF32 square = hn::Mul(x, x);
      const VF32 s = Gelu::gate(d, x, square);
      if (value != nullptr) access.store(d, hn::Mul(x, s), value + i);
      if (slope != nullptr) access.store(d, Gelu::slope(d, x, square, s), slope + i);
    });
  }
}

constexpr RowFunction functions[] = {
    {ir::OpKind::neg, unary_rows<Neg>},
    {ir::OpKind::exp, unary_rows<Exp>},
    {ir::OpKind::log, unary_rows<Log>},
    {ir::OpKind::sqrt, unary_rows<Sqrt>},
    {ir::OpKind::rsqrt, unary_rows<Rsqrt>},
    {ir::OpKind::tanh, unary_rows<Tanh>},
    {ir::OpKind::sigmoid, unary_rows<Sigmoid>},
    {ir::OpKind::relu, unary_rows<Relu>},
    {ir::OpKind::step, unary_rows<Step>},
    {ir::OpKind::gelu, unary_rows<GeluValue>},
    {ir::OpKind::gelu_with_grad, gelu_with_grad_rows},
    {ir::OpKind::add, binary_rows<Add>},
    {ir::OpKind::sub, binary_rows<Sub>},
    {ir::OpKind::mul, binary_rows<Mul>},
    {ir::OpKind::div, binary_rows<Div>},
    {ir::OpKind::maximum, binary_rows<Maximum>},
};

}  // namespace

std::span<const RowFunction> elementwise_of_target() { return functions; }

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(elementwise_of_target);
std::span<const RowFunction> elementwise_rows() {
  return HWY_DYNAMIC_DISPATCH(elementwise_of_target)();
}

}  // namespace gptc::onednn
#endif
