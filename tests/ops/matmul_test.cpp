#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;
using ir::Strings;

namespace {

enum class Stored { plain, a_transposed, b_transposed, both_transposed };

/// [batch…,] rows × inner times inner × columns.
struct Product {
  std::string name;
  std::int64_t m, k, n;
  Stored stored = Stored::plain;
  std::string a_batch, b_batch;  // "", "3x"
  std::string dtype = "f32";
  std::string result_dtype = dtype;  // another than dtype: wide
};

std::string matrix(const std::string& dtype, const std::string& batch, std::int64_t rows,
                   std::int64_t columns) {
  return dtype + "[" + batch + std::to_string(rows) + "x" + std::to_string(columns) + "]";
}

OpCase product(const Product& p) {
  const bool a_transposed = p.stored == Stored::a_transposed || p.stored == Stored::both_transposed;
  const bool b_transposed = p.stored == Stored::b_transposed || p.stored == Stored::both_transposed;
  const std::string a =
      a_transposed ? matrix(p.dtype, p.a_batch, p.k, p.m) : matrix(p.dtype, p.a_batch, p.m, p.k);
  const std::string b =
      b_transposed ? matrix(p.dtype, p.b_batch, p.n, p.k) : matrix(p.dtype, p.b_batch, p.k, p.n);
  // A bf16 holds whole numbers up to 256 exactly.
  const bool exact = p.result_dtype == "f32" || p.k <= 15;
  return {.name = "matmul_" + p.name,
          .op = OpKind::matmul,
          .operands = {real(a), real(b)},
          .results = matrix(p.result_dtype, p.a_batch, p.m, p.n),
          .attrs = {{"transpose_a", a_transposed},
                    {"transpose_b", b_transposed},
                    {"wide", p.result_dtype != p.dtype}},
          .exact = exact ? Exact::on_integers : Exact::no,
          .nmse = p.result_dtype == "f32" ? 1e-7 : 1e-5};
}

/// Operands of the epilogue have the product's dtype; those of "f32 add" are f32.
OpCase with_epilogue(const std::string& name, Product p, Strings epilogue) {
  p.name = "epilogue_" + name;
  OpCase made = product(p);
  for (std::string& step : epilogue) {
    const bool wide = step.starts_with("f32 ");
    if (wide) step.erase(0, 4);
    const std::string dtype = wide ? "f32" : p.dtype;
    if (step == "bias") made.operands.push_back(real(dtype + "[" + std::to_string(p.n) + "]"));
    if (step == "mul" || step == "add")
      made.operands.push_back(real(matrix(dtype, p.a_batch, p.m, p.n)));
    if (step == "gelu") made.exact = Exact::no;
  }
  made.attrs.set("epilogue", std::move(epilogue));
  return made;
}

/// x against weights of i8, a channel a row.
OpCase whole_numbers(std::int64_t m, std::int64_t k, std::int64_t n, Strings epilogue) {
  const std::string result = matrix("f32", "", m, n);
  OpCase made = {
      .name = "matmul_i8_" + std::to_string(m) + "x" + std::to_string(k),
      .op = OpKind::matmul,
      .operands = {real(matrix("f32", "", m, k)), ids(matrix("i8", "", n, k), -127, 127)},
      .results = result,
      .attrs = {{"transpose_b", true}}};
  for (const std::string& step : epilogue) {
    if (step == "scale" || step == "bias")
      made.operands.push_back(real("f32[" + std::to_string(n) + "]"));
    if (step == "add") made.operands.push_back(real(result));
  }
  if (!epilogue.empty()) made.attrs.set("epilogue", std::move(epilogue));
  return made;
}

void add_products(std::vector<OpCase>& cases) {
  const std::vector<Product> products = {
      {"small", 3, 5, 7},
      {"one", 1, 1, 1},
      {"inner_of_one", 7, 1, 5},
      {"column", 15, 7, 1},
      {"row", 1, 64, 33},
      {"three_rows", 3, 64, 17},
      {"sixteen_rows", 16, 33, 64},
      {"seventeen_rows", 17, 33, 64},
      {"many_rows", 70, 130, 96},
      {"long_inner", 5, 1000, 17},
      {"wide_row", 1, 96, 1030},
      {"batch", 5, 7, 3, Stored::plain, "3x", "3x"},
      {"batches", 7, 15, 17, Stored::plain, "2x3x", "2x3x"},
      {"shared_b", 5, 7, 17, Stored::plain, "3x", ""},
      {"shared_b_row", 1, 33, 17, Stored::plain, "3x", ""},
      {"deep_shared_b", 5, 7, 3, Stored::plain, "2x3x", ""},
      {"bf16", 17, 33, 64, Stored::plain, "", "", "bf16"},
      {"bf16_row", 1, 33, 65, Stored::plain, "", "", "bf16"},
      {"bf16_exact", 33, 15, 17, Stored::plain, "", "", "bf16"},
      {"bf16_long", 16, 1100, 33, Stored::plain, "", "", "bf16"},
      {"bf16_batch", 7, 15, 5, Stored::plain, "3x", "3x", "bf16"},
      {"bf16_wide", 17, 33, 64, Stored::plain, "", "", "bf16", "f32"},
      {"bf16_wide_long", 16, 1100, 33, Stored::plain, "", "", "bf16", "f32"},
      {"bf16_wide_shared", 5, 7, 17, Stored::plain, "3x", "", "bf16", "f32"},
  };
  for (Product p : products) {
    cases.push_back(product(p));
    const std::string name = p.name;
    for (const auto& [stored, suffix] :
         {std::pair(Stored::a_transposed, "_ta"), std::pair(Stored::b_transposed, "_tb"),
          std::pair(Stored::both_transposed, "_tab")}) {
      p.stored = stored;
      p.name = name + suffix;
      cases.push_back(product(p));
    }
  }
}

}  // namespace

const std::vector<OpCase>& matmul_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    add_products(all);
    const Product rows{"", 33, 17, 64};
    all.push_back(with_epilogue("bias", rows, {"bias"}));
    all.push_back(with_epilogue("gelu", rows, {"gelu"}));
    all.push_back(with_epilogue("relu", rows, {"relu"}));
    all.push_back(with_epilogue("mul", rows, {"mul"}));
    all.push_back(with_epilogue("add", rows, {"add"}));
    all.push_back(with_epilogue("bias_gelu", rows, {"bias", "gelu"}));
    all.push_back(with_epilogue("bias_relu", rows, {"bias", "relu"}));
    all.push_back(with_epilogue("bias_add", rows, {"bias", "add"}));
    all.push_back(with_epilogue("bias_gelu_mul_add", rows, {"bias", "gelu", "mul", "add"}));
    all.push_back(with_epilogue("add_bias", rows, {"add", "bias"}));
    all.push_back(with_epilogue("add_add", rows, {"add", "add"}));
    all.push_back(with_epilogue("row_bias_gelu", {"", 1, 33, 15}, {"bias", "gelu"}));
    all.push_back(with_epilogue("row_bias_add", {"", 3, 64, 65}, {"bias", "add"}));
    all.push_back(
        with_epilogue("transposed", {"", 17, 33, 15, Stored::b_transposed}, {"bias", "add"}));
    all.push_back(with_epilogue("shared_b", {"", 5, 7, 17, Stored::plain, "3x", ""},
                                {"bias", "gelu", "add"}));
    all.push_back(
        with_epilogue("bf16", {"", 33, 17, 64, Stored::plain, "", "", "bf16"}, {"bias", "gelu"}));
    const Product narrow{"", 33, 15, 64, Stored::plain, "", "", "bf16"};
    all.push_back(with_epilogue("bf16_mul_add", narrow, {"mul", "add"}));
    all.push_back(with_epilogue("bf16_wide_operands", narrow, {"f32 bias", "f32 add"}));
    all.push_back(with_epilogue("bf16_mixed", narrow, {"f32 bias", "mul", "f32 add"}));
    const Product long_sum{"", 16, 1100, 33, Stored::a_transposed, "", "", "bf16"};
    all.push_back(with_epilogue("bf16_long_add", long_sum, {"add"}));
    const Product wide{"", 33, 15, 64, Stored::b_transposed, "", "", "bf16", "f32"};
    all.push_back(with_epilogue("bf16_wide", wide, {"f32 bias", "add", "f32 add"}));
    all.push_back(with_epilogue("bf16_wide_gelu", wide, {"bias", "gelu", "f32 mul"}));
    const Product few{"", 5, 70, 150, Stored::b_transposed};
    all.push_back(with_epilogue("few_rows", few, {"bias", "gelu", "mul", "add"}));
    Product few_bf16 = few;
    few_bf16.dtype = few_bf16.result_dtype = "bf16";
    all.push_back(with_epilogue("few_bf16", few_bf16, {"f32 bias", "relu", "mul", "f32 add"}));
    for (const std::int64_t m : {1, 2, 7, 70}) all.push_back(whole_numbers(m, 100, 131, {}));
    all.push_back(whole_numbers(3, 1000, 33, {"scale", "bias", "gelu"}));
    all.push_back(whole_numbers(1, 7, 260, {"scale", "add"}));
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& matmul_rejections() {
  static const std::vector<Rejection> rejections = {
      {"matmul_inner", OpKind::matmul, types_of("f32[3x5], f32[7x3]"),
       "inner dimensions must be equal"},
      {"matmul_inner_transposed",
       OpKind::matmul,
       types_of("f32[3x5], f32[5x7]"),
       "inner dimensions must be equal",
       {{"transpose_b", true}}},
      {"matmul_vector", OpKind::matmul, types_of("f32[5], f32[5x7]"),
       "a must have at least 2 axes"},
      {"matmul_batches", OpKind::matmul, types_of("f32[2x3x5], f32[3x5x7]"),
       "b must have 2 axes or the leading axes of a"},
      {"matmul_dtypes", OpKind::matmul, types_of("f32[3x5], bf16[5x7]"),
       "b must have the dtype of a"},
      {"matmul_unknown_epilogue",
       OpKind::matmul,
       types_of("f32[3x5], f32[5x7]"),
       "epilogue ops are",
       {{"epilogue", Strings{"tanh"}}}},
      {"matmul_missing_bias",
       OpKind::matmul,
       types_of("f32[3x5], f32[5x7]"),
       "every bias, mul and add of the epilogue needs an operand",
       {{"epilogue", Strings{"bias"}}}},
      {"matmul_wrong_bias",
       OpKind::matmul,
       types_of("f32[3x5], f32[5x7], f32[3]"),
       "the operand of 'bias' must be f32[7]",
       {{"epilogue", Strings{"bias"}}}},
      {"matmul_wrong_add",
       OpKind::matmul,
       types_of("f32[3x5], f32[5x7], f32[7]"),
       "the operand of 'add' must be f32[3x7]",
       {{"epilogue", Strings{"add"}}}},
      {"matmul_narrow_operand",
       OpKind::matmul,
       types_of("f32[3x5], f32[5x7], bf16[3x7]"),
       "the operand of 'add' must be f32[3x7]",
       {{"epilogue", Strings{"add"}}}},
      {"matmul_extra_operand", OpKind::matmul, types_of("f32[3x5], f32[5x7], f32[7]"),
       "there may be no more operands than the epilogue uses"},
  };
  return rejections;
}

}  // namespace gptc::testing
