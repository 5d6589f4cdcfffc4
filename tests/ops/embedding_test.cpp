#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;

namespace {

/// A table [rows x width] looked up by ids of one shape; fewer rows than ids repeat ids.
struct Lookup {
  std::string name;
  std::int64_t rows, width;
  std::string ids, dy;
};

const std::vector<Lookup> lookups = {
    {"repeated", 7, 5, "i32[3x15]", "f32[3x15x5]"},  {"one_row", 1, 17, "i32[5]", "f32[5x17]"},
    {"wide", 15, 768, "i32[33]", "f32[33x768]"},     {"scalar_id", 5, 33, "i32[]", "f32[33]"},
    {"many_ids", 33, 3, "i32[7x64]", "f32[7x64x3]"}, {"narrow", 17, 1, "i32[64]", "f32[64x1]"},
};

std::string table(const Lookup& at) {
  return "f32[" + std::to_string(at.rows) + "x" + std::to_string(at.width) + "]";
}

void add(std::vector<OpCase>& cases, const Lookup& at) {
  const Operand indices = ids(at.ids, 0, at.rows - 1);
  cases.push_back({.name = "embedding_" + at.name,
                   .op = OpKind::embedding,
                   .operands = {real(table(at)), indices},
                   .results = at.dy,
                   .exact = Exact::on_integers,
                   .nmse = 0});
  cases.push_back({.name = "embedding_grad_" + at.name,
                   .op = OpKind::embedding_grad,
                   .operands = {indices, real(at.dy)},
                   .results = table(at),
                   .attrs = {{"rows", at.rows}},
                   .exact = Exact::on_integers,
                   .spread = Spread::sparse});
  cases.push_back({.name = "scatter_add_" + at.name,
                   .op = OpKind::scatter_add,
                   .operands = {real(table(at)), indices, real(at.dy)},
                   .results = table(at),
                   .exact = Exact::on_integers});
}

}  // namespace

const std::vector<OpCase>& embedding_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (const Lookup& at : lookups) add(all, at);
    all.push_back({.name = "embedding_bf16",
                   .op = OpKind::embedding,
                   .operands = {real("bf16[7x33]"), ids("i32[15]", 0, 6)},
                   .results = "bf16[15x33]",
                   .exact = Exact::on_integers,
                   .nmse = 0});
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& embedding_rejections() {
  static const std::vector<Rejection> rejections = {
      {"embedding_ids", OpKind::embedding, types_of("f32[7x5], i64[3]"), "ids must be i32"},
      {"embedding_table", OpKind::embedding, types_of("f32[7], i32[3]"), "table must have 2 axes"},
      {"embedding_grad_rows_of_dy",
       OpKind::embedding_grad,
       types_of("i32[3], f32[4x5]"),
       "dy must hold one row per id",
       {{"rows", 7}}},
      {"embedding_grad_rows",
       OpKind::embedding_grad,
       types_of("i32[3], f32[3x5]"),
       "rows must be above 0",
       {{"rows", 0}}},
      {"scatter_add_width", OpKind::scatter_add, types_of("f32[7x5], i32[3], f32[3x6]"),
       "rows of dy must be as long as those of into"},
  };
  return rejections;
}

}  // namespace gptc::testing
