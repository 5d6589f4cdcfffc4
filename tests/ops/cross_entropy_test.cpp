#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;

namespace {

/// Rows of logits or features and their targets; -1: some targets do not count.
struct Rows {
  std::string name, leading;  // "3x5"
  std::int64_t width, vocabulary;
  std::int64_t least_target = -1;
};

const std::vector<Rows> rows = {
    {"masked", "3x5", 7, 17}, {"all_count", "15", 5, 33, 0}, {"one_row", "1", 3, 5, 0},
    {"wide", "3", 17, 1000},  {"many", "300", 17, 33},       {"two_blocks", "2x257", 7, 15},
};

std::string real_type(const Rows& at, std::int64_t last) {
  return "f32[" + at.leading + "x" + std::to_string(last) + "]";
}

Operand targets(const Rows& at) {
  return ids("i32[" + at.leading + "]", at.least_target, at.vocabulary - 1);
}

OpCase sparse(OpKind op, std::string name, std::vector<Operand> operands, std::string results,
              ir::Attrs attrs = {}) {
  return {.name = std::move(name),
          .op = op,
          .operands = std::move(operands),
          .results = std::move(results),
          .attrs = std::move(attrs),
          .exact = Exact::on_integers,
          .spread = Spread::sparse,
          .nmse = 0};
}

void add_picks(std::vector<OpCase>& cases, const Rows& at) {
  const std::string logits = real_type(at, at.vocabulary);
  const std::string picked = "f32[" + at.leading + "]";
  cases.push_back(
      sparse(OpKind::pick, "pick_" + at.name, {real(logits, 1, 4), targets(at)}, picked));
  cases.push_back(sparse(OpKind::pick_grad, "pick_grad_" + at.name,
                         {targets(at), real(picked, 1, 4)}, logits, {{"size", at.vocabulary}}));
  cases.push_back(sparse(OpKind::token_count, "token_count_" + at.name, {targets(at)}, "f32[]"));
}

void add_losses(std::vector<OpCase>& cases, const Rows& at) {
  const std::string logits = real_type(at, at.vocabulary);
  const std::string x = real_type(at, at.width);
  const std::string w =
      "f32[" + std::to_string(at.vocabulary) + "x" + std::to_string(at.width) + "]";
  const Operand dloss = real("f32[]", 0.3, 0.7);
  cases.push_back({.name = "cross_entropy_" + at.name,
                   .op = OpKind::cross_entropy,
                   .operands = {real(logits), targets(at)},
                   .results = "f32[]"});
  cases.push_back({.name = "cross_entropy_grad_" + at.name,
                   .op = OpKind::cross_entropy_grad,
                   .operands = {real(logits), targets(at), dloss},
                   .results = logits,
                   .spread = Spread::sparse});
  cases.push_back({.name = "linear_cross_entropy_" + at.name,
                   .op = OpKind::linear_cross_entropy,
                   .operands = {real(x), real(w), targets(at)},
                   .results = "f32[]"});
  cases.push_back({.name = "linear_cross_entropy_grad_" + at.name,
                   .op = OpKind::linear_cross_entropy_grad,
                   .operands = {real(x), real(w), targets(at), dloss},
                   .results = "f32[], " + x + ", " + w,
                   .spread = Spread::sparse});
}

}  // namespace

const std::vector<OpCase>& cross_entropy_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (const Rows& at : rows) {
      add_picks(all, at);
      add_losses(all, at);
    }
    all.push_back({.name = "cross_entropy_large_logits",
                   .op = OpKind::cross_entropy,
                   .operands = {real("f32[7x15]", 80, 120), ids("i32[7]", 0, 14)},
                   .results = "f32[]"});
    all.push_back({.name = "linear_cross_entropy_bf16",
                   .op = OpKind::linear_cross_entropy,
                   .operands = {real("bf16[15x7]"), real("bf16[33x7]"), ids("i32[15]", -1, 32)},
                   .results = "f32[]",
                   .nmse = 1e-4});
    for (const std::string leading : {"15", "3x5", "2x257"})
      all.push_back({.name = "linear_cross_entropy_grad_bf16_" + leading,
                     .op = OpKind::linear_cross_entropy_grad,
                     .operands = {real("bf16[" + leading + "x7]"), real("bf16[33x7]"),
                                  ids("i32[" + leading + "]", -1, 32), real("f32[]", 0.3, 0.7)},
                     .results = "f32[], bf16[" + leading + "x7], f32[33x7]",
                     .spread = Spread::sparse,
                     .nmse = 1e-4});
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& cross_entropy_rejections() {
  static const std::vector<Rejection> rejections = {
      {"pick_ids", OpKind::pick, types_of("f32[3x5], i32[5]"), "ids must be i32[3]"},
      {"pick_grad_ids",
       OpKind::pick_grad,
       types_of("i32[5], f32[3]"),
       "ids must be i32[3]",
       {{"size", 7}}},
      {"pick_grad_size",
       OpKind::pick_grad,
       types_of("i32[3], f32[3]"),
       "size must be above 0",
       {{"size", 0}}},
      {"token_count_reals", OpKind::token_count, types_of("f32[3]"), "ids must be i32"},
      {"cross_entropy_targets", OpKind::cross_entropy, types_of("f32[3x5], i32[5]"),
       "targets must be i32[3]"},
      {"cross_entropy_grad_dloss", OpKind::cross_entropy_grad, types_of("f32[3x5], i32[3], f32[3]"),
       "dloss must be f32[]"},
      {"linear_cross_entropy_width", OpKind::linear_cross_entropy,
       types_of("f32[3x5], f32[7x6], i32[3]"), "rows of x and w must be equally long"},
      {"linear_cross_entropy_targets", OpKind::linear_cross_entropy,
       types_of("f32[3x5], f32[7x5], i32[7]"), "targets must be i32[3]"},
      {"linear_cross_entropy_grad_dloss", OpKind::linear_cross_entropy_grad,
       types_of("f32[3x5], f32[7x5], i32[3], i32[]"), "dloss must be f32[]"},
  };
  return rejections;
}

}  // namespace gptc::testing
