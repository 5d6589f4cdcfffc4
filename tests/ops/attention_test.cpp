#include <cmath>

#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;

namespace {

enum class Mask { none, causal };

struct Shapes {
  std::string name;
  std::int64_t batches, queries, keys, heads, size;
  Mask mask = Mask::causal;
  double p = 0;
  std::string dtype = "f32";
};

const std::vector<Shapes> shapes = {
    {"one", 1, 1, 1, 1, 3},
    {"odd", 2, 7, 7, 3, 5},
    {"full", 2, 7, 7, 3, 5, Mask::none},
    {"cross", 1, 5, 17, 2, 3, Mask::none},
    {"past", 2, 5, 17, 1, 7},
    {"one_query", 2, 1, 33, 2, 16},
    {"head_of_64", 1, 33, 33, 2, 64},
    {"long", 1, 129, 129, 1, 16},
    {"dropout", 2, 15, 15, 3, 8, Mask::causal, 0.3},
    {"dropout_full", 1, 7, 17, 2, 4, Mask::none, 0.1},
    {"dropout_long", 1, 65, 65, 2, 16, Mask::causal, 0.1},
    {"bf16", 1, 33, 33, 2, 16, Mask::causal, 0, "bf16"},
    {"bf16_dropout", 2, 65, 65, 1, 7, Mask::causal, 0.3, "bf16"},
    {"bf16_past", 1, 3, 17, 2, 64, Mask::causal, 0, "bf16"},
};

std::string text(const Shapes& at, std::int64_t time, const std::string& dtype) {
  return dtype + "[" + std::to_string(at.batches) + "x" + std::to_string(time) + "x" +
         std::to_string(at.heads * at.size) + "]";
}

std::string text(const Shapes& at, std::int64_t time) { return text(at, time, at.dtype); }

std::string statistics(const Shapes& at) {
  return "f32[" + std::to_string(at.batches) + "x" + std::to_string(at.heads) + "x" +
         std::to_string(at.queries) + "]";
}

OpCase attention(OpKind op, const std::string& prefix, const Shapes& at) {
  return {
      .name = prefix + at.name,
      .op = op,
      .operands = {real(text(at, at.queries)), real(text(at, at.keys)), real(text(at, at.keys))},
      .results = "",
      .attrs = {{"heads", at.heads},
                {"scale", 1 / std::sqrt(static_cast<double>(at.size))},
                {"causal", at.mask == Mask::causal},
                {"p", at.p},
                {"rng_key", std::uint64_t{0xfeedbeef12345678}}},
      .nmse = at.dtype == "f32" ? 1e-7 : 1e-4};
}

OpCase forward(const Shapes& at) {
  OpCase made = attention(OpKind::attention, "attention_", at);
  made.results = text(at, at.queries) + ", " + statistics(at);
  if (at.p > 0) made.operands.push_back(counter(77));
  if (at.keys == 1)  // one key has probability 1, whatever its score
    for (std::size_t i = 0; i < 2; ++i) made.operands[i] = flat(made.operands[i]);
  return made;
}

/// Keys and values are bf16 beside f32.
OpCase kept_narrow(const Shapes& at) {
  OpCase made = forward(at);
  made.name = "attention_kept_bf16_" + at.name;
  for (std::size_t i = 1; i < 3; ++i) made.operands[i] = real(text(at, at.keys, "bf16"));
  return made;
}

/// Its own y and lse: what the decomposition and the kernels assume beyond their formulas is that
/// lse is at least every score.
OpCase backward(const Shapes& at) {
  OpCase made = attention(OpKind::attention_grad, "attention_grad_", at);
  made.operands.push_back(real(text(at, at.queries)));
  made.operands.push_back(real(statistics(at), 4, 6));
  made.operands.push_back(real(text(at, at.queries)));
  if (at.p > 0) made.operands.push_back(counter(77));
  made.results = text(at, at.queries) + ", " + text(at, at.keys) + ", " + text(at, at.keys);
  return made;
}

const ir::Attrs plain = {{"heads", 3}, {"scale", 1.0}};

ir::Attrs with(const char* name, ir::AttrValue value) {
  ir::Attrs attrs = plain;
  attrs.set(name, std::move(value));
  return attrs;
}

}  // namespace

const std::vector<OpCase>& attention_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (const Shapes& at : shapes) {
      all.push_back(forward(at));
      if (at.dtype == "f32" && at.p == 0 && at.keys > 1) all.push_back(kept_narrow(at));
      all.push_back(backward(at));
    }
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& attention_rejections() {
  static const std::vector<Rejection> rejections = {
      {"attention_heads", OpKind::attention, types_of("f32[2x5x7], f32[2x5x7], f32[2x5x7]"),
       "heads must divide the last axis of q", plain},
      {"attention_no_heads", OpKind::attention, types_of("f32[2x5x6], f32[2x5x6], f32[2x5x6]"),
       "heads must divide the last axis of q", with("heads", 0)},
      {"attention_rank", OpKind::attention, types_of("f32[5x6], f32[5x6], f32[5x6]"),
       "q must have 3 axes", plain},
      {"attention_keys", OpKind::attention, types_of("f32[2x5x6], f32[3x5x6], f32[3x5x6]"),
       "k must be like q but for its length", plain},
      {"attention_values", OpKind::attention, types_of("f32[2x5x6], f32[2x7x6], f32[2x5x6]"),
       "v must be f32[2x7x6]", plain},
      {"attention_causal_lengths", OpKind::attention,
       types_of("f32[2x7x6], f32[2x5x6], f32[2x5x6]"),
       "causal attention needs at least as many keys as queries", with("causal", true)},
      {"attention_needless_counter", OpKind::attention,
       types_of("f32[2x5x6], f32[2x5x6], f32[2x5x6], i64[]"),
       "there must be a counter where p > 0, and none where p is 0", plain},
      {"attention_missing_counter", OpKind::attention,
       types_of("f32[2x5x6], f32[2x5x6], f32[2x5x6]"),
       "there must be a counter where p > 0, and none where p is 0", with("p", 0.5)},
      {"attention_grad_lse", OpKind::attention_grad,
       types_of("f32[2x5x6], f32[2x5x6], f32[2x5x6], f32[2x5x6], f32[2x5x3], f32[2x5x6]"),
       "lse must be f32[2x3x5]", plain},
      {"attention_grad_dy", OpKind::attention_grad,
       types_of("f32[2x5x6], f32[2x5x6], f32[2x5x6], f32[2x5x6], f32[2x3x5], f32[2x5x7]"),
       "dy must be f32[2x5x6]", plain},
  };
  return rejections;
}

}  // namespace gptc::testing
