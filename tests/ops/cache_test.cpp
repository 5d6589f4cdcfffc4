#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;

namespace {

/// A cache of `rows` positions, to which `fresh` ones are added behind `least` to `most`.
struct Cache {
  std::string name;
  std::int64_t batches, rows, fresh, heads, size, least, most;
  std::string dtype = "f32";
  std::string kept = dtype;
};

const std::vector<Cache> caches = {
    {"one", 1, 9, 1, 1, 3, 4, 4},
    {"first", 1, 7, 1, 2, 5, 0, 0},
    {"ragged", 5, 17, 1, 3, 8, 0, 16},
    {"chunk", 2, 33, 7, 2, 16, 0, 26},
    {"past_the_end", 2, 9, 5, 2, 3, 5, 9},
    {"long", 1, 200, 16, 2, 64, 130, 150},
    {"decode", 2, 140, 1, 3, 64, 60, 139},
    {"bf16", 3, 70, 1, 2, 64, 1, 69, "bf16"},
    {"bf16_chunk", 2, 33, 5, 2, 7, 0, 20, "bf16"},
    {"kept_bf16", 3, 80, 1, 2, 64, 1, 79, "f32", "bf16"},
    {"kept_bf16_narrow", 2, 35, 1, 3, 6, 0, 34, "f32", "bf16"},
    {"kept_bf16_chunk", 2, 90, 19, 2, 24, 0, 71, "f32", "bf16"},
};

std::string text(const Cache& at, std::int64_t positions, const std::string& dtype) {
  return dtype + "[" + std::to_string(at.batches) + "x" + std::to_string(positions) + "x" +
         std::to_string(at.heads * at.size) + "]";
}

std::string text(const Cache& at, std::int64_t positions) { return text(at, positions, at.dtype); }
/// By head, of the type that is kept.
std::string cache_text(const Cache& at) {
  return at.kept + "[" + std::to_string(at.batches) + "x" + std::to_string(at.heads) + "x" +
         std::to_string(at.rows) + "x" + std::to_string(at.size) + "]";
}

Operand past(const Cache& at) {
  return ids("i32[" + std::to_string(at.batches) + "]", at.least, at.most);
}

double tolerance(const Cache& at) { return at.dtype == "f32" ? 1e-7 : 1e-4; }

void add(std::vector<OpCase>& cases, const Cache& at) {
  cases.push_back({.name = "cache_write_" + at.name,
                   .op = OpKind::cache_write,
                   .operands = {real(text(at, at.rows)), real(text(at, at.fresh)), past(at)},
                   .results = text(at, at.rows),
                   .exact = Exact::on_integers,
                   .nmse = 0});
  cases.push_back({.name = "cache_write_heads_" + at.name,
                   .op = OpKind::cache_write,
                   .operands = {real(cache_text(at)), real(text(at, at.fresh)), past(at)},
                   .results = cache_text(at),
                   .exact = Exact::on_integers,
                   .nmse = 0});
  // Columns of a wider tensor, as q, k and v of one product.
  const Cache wide = {.name = at.name,
                      .batches = at.batches,
                      .rows = at.rows,
                      .fresh = at.fresh,
                      .heads = at.heads * at.size * 2 + 3,
                      .size = 1,
                      .least = at.least,
                      .most = at.most,
                      .dtype = at.dtype,
                      .kept = at.kept};
  for (const bool by_head : {false, true}) {
    const std::string cache = by_head ? cache_text(at) : text(at, at.rows, at.kept);
    cases.push_back({.name = "cache_write_columns_" + at.name + (by_head ? "_heads" : ""),
                     .op = OpKind::cache_write,
                     .operands = {real(cache), real(text(wide, at.fresh)), past(at)},
                     .results = cache,
                     .attrs = {{"start", by_head ? at.heads * at.size : std::int64_t{0}}},
                     .exact = Exact::on_integers,
                     .nmse = 0});
  }
  cases.push_back(
      {.name = "cache_read_" + at.name,
       .op = OpKind::cache_read,
       .operands = {real(text(at, at.rows)), past(at)},
       .results = text(at, at.fresh),
       .attrs = {{"size", ir::Shape{at.fresh}}, {"by", std::min(at.least, std::int64_t{2})}},
       .exact = Exact::on_integers,
       .nmse = 0});
  OpCase attention = {
      .name = "cached_attention_" + at.name,
      .op = OpKind::cached_attention,
      .operands = {real(text(at, at.fresh)), real(cache_text(at)), real(cache_text(at)), past(at)},
      .results = text(at, at.fresh),
      .attrs = {{"scale", 0.25}},
      .nmse = tolerance(at)};
  cases.push_back(attention);
  attention.name = "cached_attention_columns_" + at.name;
  attention.operands[0] = real(text(wide, at.fresh));
  attention.attrs.set("start", at.heads * at.size + 3);
  cases.push_back(std::move(attention));
}

const ir::Attrs unscaled = {{"scale", 1.0}};
const ir::Attrs three = {{"size", ir::Shape{3}}, {"limit", 9}};

}  // namespace

const std::vector<OpCase>& cache_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (const Cache& at : caches) add(all, at);
    all.push_back({.name = "cache_read_zeros_before",
                   .op = OpKind::cache_read,
                   .operands = {real("f32[3x9x5]"), ids("i32[3]", 0, 4)},
                   .results = "f32[3x7x5]",
                   .attrs = {{"size", ir::Shape{7}}, {"by", 3}},
                   .exact = Exact::on_integers,
                   .nmse = 0});
    all.push_back({.name = "positions_chunk",
                   .op = OpKind::positions,
                   .operands = {ids("i32[4]", 0, 30)},
                   .results = "i32[4x7]",
                   .attrs = {{"size", ir::Shape{7}}, {"limit", 32}, {"first", 2}},
                   .exact = Exact::on_integers,
                   .nmse = 0});
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& cache_rejections() {
  static const std::vector<Rejection> rejections = {
      {"positions_past", OpKind::positions, types_of("f32[4]"), "past must be i32", three},
      {"positions_rank", OpKind::positions, types_of("i32[4x2]"), "past must have 1 axis", three},
      {"positions_limit",
       OpKind::positions,
       types_of("i32[4]"),
       "limit must be above 0",
       {{"size", ir::Shape{3}}, {"limit", 0}}},
      {"cache_write_batch", OpKind::cache_write, types_of("f32[2x9x5], f32[3x1x5], i32[2]"),
       "x must be like the cache but for its length"},
      {"cache_write_columns",
       OpKind::cache_write,
       types_of("f32[2x9x5], f32[2x1x9], i32[2]"),
       "the columns from start on must lie within the last axis",
       {{"start", 5}}},
      {"cache_write_no_columns",
       OpKind::cache_write,
       types_of("f32[2x9], f32[2x12], i32[2]"),
       "columns must stand behind the positions",
       {{"start", 1}}},
      {"cache_write_start",
       OpKind::cache_write,
       types_of("f32[2x9x5], f32[2x1x9], i32[2]"),
       "start must not be below -1",
       {{"start", -2}}},
      {"cached_attention_columns",
       OpKind::cached_attention,
       types_of("f32[2x1x9], f32[2x2x9x3], f32[2x2x9x3], i32[2]"),
       "the columns from start on must lie within the last axis",
       {{"scale", 1.0}, {"start", 4}}},
      {"cache_write_past", OpKind::cache_write, types_of("f32[2x9x5], f32[2x1x5], i32[3]"),
       "past must be i32[2]"},
      {"cache_read_by",
       OpKind::cache_read,
       types_of("f32[2x9x5], i32[2]"),
       "by must not be below 0",
       {{"size", ir::Shape{3}}, {"by", -1}}},
      {"cache_write_heads", OpKind::cache_write, types_of("f32[2x3x9x5], f32[2x1x14], i32[2]"),
       "x must be like the cache but for its length"},
      {"cached_attention_keys", OpKind::cached_attention,
       types_of("f32[2x1x6], f32[2x9x6], f32[2x9x6], i32[2]"), "k must have 4 axes", unscaled},
      {"cached_attention_batch", OpKind::cached_attention,
       types_of("f32[2x1x6], f32[3x2x9x3], f32[3x2x9x3], i32[2]"), "k must have the batch of q",
       unscaled},
      {"cached_attention_values", OpKind::cached_attention,
       types_of("f32[2x1x6], f32[2x2x9x3], f32[2x2x8x3], i32[2]"), "v must be f32[2x2x9x3]",
       unscaled},
      {"cached_attention_heads", OpKind::cached_attention,
       types_of("f32[2x1x5], f32[2x2x9x3], f32[2x2x9x3], i32[2]"),
       "the last axis of q must hold the heads of k", unscaled},
  };
  return rejections;
}

}  // namespace gptc::testing
