// Products of GPT-2's layers with their epilogues, attention, and the head with its loss.
#include <fmt/format.h>

#include "tests/bench/bench.h"

namespace gptc::testing {
namespace {

using ir::DType;
using ir::OpKind;
using ir::Shape;
using ir::Strings;
using ir::Type;

/// a[MxK] · b[KxN] and the operands of an epilogue, all of one dtype.
struct Product {
  std::string name;
  std::int64_t m, k, n;
  Strings epilogue = {};
  bool transpose_a = false;
  bool transpose_b = false;
  bool wide = false;
};

void add_product(DType dtype, const Product& p) {
  BenchCase bench{
      .name = fmt::format("{}/{}x{}x{}/{}", p.name, p.m, p.k, p.n, ir::dtype_name(dtype)),
      .kind = OpKind::matmul,
      .operands = {{dtype, p.transpose_a ? Shape{p.k, p.m} : Shape{p.m, p.k}},
                   {dtype, p.transpose_b ? Shape{p.n, p.k} : Shape{p.k, p.n}}},
      .attrs = {{"transpose_a", p.transpose_a},
                {"transpose_b", p.transpose_b},
                {"epilogue", p.epilogue},
                {"wide", p.wide}}};
  for (const std::string& op : p.epilogue) {
    if (op == "bias") bench.operands.push_back({dtype, Shape{p.n}});
    if (op == "mul" || op == "add") bench.operands.push_back({dtype, Shape{p.m, p.n}});
  }
  add_bench(bench);
}

/// Forward, data gradient and weight gradient of one linear layer.
void add_linear(DType dtype, std::int64_t rows, std::int64_t in, std::int64_t out) {
  add_product(dtype, {"linear", rows, in, out, {"bias"}});
  add_product(dtype, {.name = "linear_dx", .m = rows, .k = out, .n = in, .transpose_b = true});
  add_product(dtype, {.name = "linear_dw",
                      .m = in,
                      .k = rows,
                      .n = out,
                      .transpose_a = true,
                      .wide = dtype == DType::bf16});
}

void add_attention(DType dtype, std::int64_t batch, std::int64_t length, double p) {
  constexpr std::int64_t heads = 12;
  constexpr std::int64_t size = 64;
  const Type x{dtype, Shape{batch, length, heads * size}};
  const Type lse = f32({batch, heads, length});
  const std::string shape = fmt::format("{}x{}/p{}/{}", batch, length, p, ir::dtype_name(dtype));
  BenchCase bench{.name = "attention/" + shape,
                  .kind = OpKind::attention,
                  .operands = {x, x, x},
                  .attrs = {{"heads", heads},
                            {"scale", 0.125},
                            {"causal", true},
                            {"p", p},
                            {"rng_key", std::uint64_t{7}}}};
  if (p > 0) bench.operands.push_back(counter());
  add_bench(bench);
  bench.name = "attention_grad/" + shape;
  bench.kind = OpKind::attention_grad;
  bench.operands = {x, x, x, x, lse, x};
  if (p > 0) bench.operands.push_back(counter());
  add_bench(bench);
}

}  // namespace

void add_products(DType dtype) {
  constexpr std::int64_t rows = 1024;
  for (const auto& [in, out] :
       {std::pair{768, 2304}, std::pair{768, 768}, std::pair{768, 3072}, std::pair{3072, 768}})
    add_linear(dtype, rows, in, out);
  add_product(dtype, {"linear_gelu", rows, 768, 3072, {"bias", "gelu"}});
  add_product(dtype, {"linear_residual", rows, 3072, 768, {"bias", "add"}});
  add_product(dtype, {.name = "linear_dx_mul",
                      .m = rows,
                      .k = 768,
                      .n = 3072,
                      .epilogue = {"mul"},
                      .transpose_b = true});
  for (const double p : {0.0, 0.1}) {
    add_attention(dtype, 4, 256, p);
    add_attention(dtype, 1, 1024, p);
  }
}

void add_heads(DType dtype) {
  constexpr std::int64_t rows = 1024;
  constexpr std::int64_t channels = 768;
  constexpr std::int64_t vocabulary = 50257;
  const std::string shape = fmt::format("{}/{}", rows, ir::dtype_name(dtype));
  BenchCase bench{
      .name = "linear_cross_entropy/" + shape,
      .kind = OpKind::linear_cross_entropy,
      .operands = {{dtype, {rows, channels}}, {dtype, {vocabulary, channels}}, i32({rows})}};
  add_bench(bench);
  bench.name = "linear_cross_entropy_grad/" + shape;
  bench.kind = OpKind::linear_cross_entropy_grad;
  bench.operands.push_back(f32({}));
  add_bench(bench);
}

}  // namespace gptc::testing
