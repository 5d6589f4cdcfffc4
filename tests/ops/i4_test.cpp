#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;

namespace {

/// x [rows, inner] against `channels` of half bytes.
struct Sizes {
  std::string name;
  std::int64_t rows, inner, channels;
};

const std::vector<Sizes> sizes = {
    {"one_group", 1, 32, 3},     {"odd_groups", 1, 96, 17},  {"two_rows", 2, 64, 33},
    {"three_rows", 3, 160, 130}, {"many_rows", 19, 128, 40}, {"past_the_rows", 70, 32, 5},
};

std::string text(std::string_view dtype, std::int64_t rows, std::int64_t columns) {
  return std::string(dtype) + "[" + std::to_string(rows) + "x" + std::to_string(columns) + "]";
}

Operand bytes(std::int64_t rows, std::int64_t inner) {
  return ids(text("i8", rows, inner / 2), -128, 127);
}
Operand scales(std::int64_t rows, std::int64_t inner) {
  return real(text("f32", rows, inner / 32), 0.01, 0.1);
}

}  // namespace

const std::vector<OpCase>& i4_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (const Sizes& at : sizes) {
      all.push_back({.name = "matmul_i4_" + at.name,
                     .op = OpKind::matmul_i4,
                     .operands = {real(text("f32", at.rows, at.inner)),
                                  bytes(at.channels, at.inner), scales(at.channels, at.inner)},
                     .results = text("f32", at.rows, at.channels)});
      all.push_back({.name = "unpack_i4_" + at.name,
                     .op = OpKind::unpack_i4,
                     .operands = {bytes(at.channels, at.inner), scales(at.channels, at.inner)},
                     .results = text("f32", at.channels, at.inner)});
    }
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& i4_rejections() {
  static const std::vector<Rejection> rejections = {
      {"unpack_i4_numbers", OpKind::unpack_i4, types_of("f32[3x16], f32[3x1]"), "q must be i8"},
      {"unpack_i4_groups", OpKind::unpack_i4, types_of("i8[3x17], f32[3x1]"),
       "rows of q must hold groups of 16 bytes"},
      {"unpack_i4_scales", OpKind::unpack_i4, types_of("i8[3x32], f32[3x1]"),
       "scales must be f32[3x2]"},
      {"matmul_i4_inner", OpKind::matmul_i4, types_of("f32[2x64], i8[3x16], f32[3x1]"),
       "inner dimensions must be equal"},
      {"matmul_i4_x", OpKind::matmul_i4, types_of("bf16[2x32], i8[3x16], f32[3x1]"),
       "x must be f32"},
  };
  return rejections;
}

}  // namespace gptc::testing
