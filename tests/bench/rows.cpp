// What moves memory: regions of row-local ops, single ones, copies, and the rest of a step.
#include "tests/bench/bench.h"

namespace gptc::testing {
namespace {

using ir::Builder;
using ir::OpKind;
using ir::Type;
using ir::Value;

constexpr std::int64_t rows = 1024;
constexpr std::int64_t channels = 768;
const ir::Attrs dropout_attrs = {{"p", 0.1}, {"rng_key", std::uint64_t{7}}};

void add_elementwise() {
  const Type x = f32({rows, 4 * channels});
  add_bench({"add", OpKind::add, {x, x}});
  add_bench({"add_row", OpKind::add, {x, f32({4 * channels})}});
  add_bench({"gelu", OpKind::gelu, {x}});
  add_bench({"gelu_with_grad", OpKind::gelu_with_grad, {x}});
  add_bench({"exp", OpKind::exp, {x}});
  add_bench({"tanh", OpKind::tanh, {x}});
  add_bench({"dropout", OpKind::dropout, {x, counter()}, dropout_attrs});
  add_bench({"cast_to_bf16", OpKind::cast, {x}, {{"dtype", ir::DType::bf16}}});
  add_bench({"random_normal",
             OpKind::random_normal,
             {},
             {{"shape", x.shape}, {"rng_key", std::uint64_t{7}}}});
}

void add_row_ops() {
  const Type x = f32({rows, channels});
  const Type row = f32({channels});
  const Type statistic = f32({rows});
  const Type wide = f32({rows, 4 * channels});
  add_bench({"layer_norm", OpKind::layer_norm, {x, row, row}, {{"eps", 1e-5}}});
  add_bench({"layer_norm_grad", OpKind::layer_norm_grad, {x, x, row, statistic, statistic}});
  add_bench({"layer_norm_param_grad", OpKind::layer_norm_param_grad, {x, x, statistic, statistic}});
  add_bench({"softmax", OpKind::softmax, {f32({rows, 1024})}});
  add_bench({"reduce_sum_columns", OpKind::reduce_sum, {wide}, {{"axes", ir::Ints{0}}}});
  add_bench({"reduce_sum_rows", OpKind::reduce_sum, {wide}, {{"axes", ir::Ints{1}}}});
}

void add_regions() {
  const Type x = f32({rows, channels});
  const Type row = f32({channels});
  const Type statistic = f32({rows});
  const auto residual = [](Builder& b, const std::vector<Value>& in) {
    const Value sum = b.add(in[0], b.op(OpKind::dropout, {in[1], in[4]}, dropout_attrs));
    const ir::NodeId norm = b.node(OpKind::layer_norm, {sum, in[2], in[3]}, {{"eps", 1e-5}});
    return std::vector<Value>{sum, {norm, 0}, {norm, 1}, {norm, 2}};
  };
  const auto backward = [](Builder& b, const std::vector<Value>& in) {
    const Value dx =
        b.add(b.op(OpKind::layer_norm_grad, {in[0], in[1], in[2], in[3], in[4]}), in[5]);
    return std::vector<Value>{dx, b.op(OpKind::dropout, {dx, in[6]}, dropout_attrs)};
  };
  add_bench(fused_rows("residual_dropout_norm", {x, x, row, row, counter()}, residual));
  add_bench(fused_rows("residual_dropout_norm_grad",
                       {x, x, row, statistic, statistic, x, counter()}, backward));
}

void add_moves() {
  const Type matrix = f32({rows, 3 * channels});
  add_bench({"transpose_heads",
             OpKind::transpose,
             {f32({4, 256, 12, 64})},
             {{"perm", ir::Ints{0, 2, 1, 3}}}});
  add_bench({"transpose_matrix", OpKind::transpose, {matrix}, {{"perm", ir::Ints{1, 0}}}});
}

}  // namespace

void add_rows() {
  add_elementwise();
  add_row_ops();
  add_regions();
  add_moves();
}

void add_optimizer() {
  const Type table = f32({8192, channels});
  const Type half = bf16({8192, channels});
  const Type scalar = f32({});
  const ir::Attrs attrs = {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.1}};
  add_bench({"embedding_grad",
             OpKind::embedding_grad,
             {i32({1024}), f32({1024, channels})},
             {{"rows", std::int64_t{8192}}}});
  add_bench({"sum_squares/f32", OpKind::sum_squares, {table}});
  add_bench({"sum_squares/bf16", OpKind::sum_squares, {half}});
  add_bench(
      {"adamw/f32", OpKind::adamw, {table, table, table, table, scalar, scalar, counter()}, attrs});
  add_bench({"adamw/bf16_grad",
             OpKind::adamw,
             {table, half, table, table, scalar, scalar, counter()},
             attrs});
}

}  // namespace gptc::testing
