#include "tests/ops/families.h"

namespace gptc::testing {

using ir::Attrs;
using ir::Ints;
using ir::OpKind;
using ir::Shape;

namespace {

/// Moving elements about is exact.
OpCase moved(OpKind op, std::string name, std::vector<Operand> operands, std::string results,
             Attrs attrs, Spread spread = Spread::varied) {
  return {.name = std::move(name),
          .op = op,
          .operands = std::move(operands),
          .results = std::move(results),
          .attrs = std::move(attrs),
          .exact = Exact::on_integers,
          .spread = spread,
          .nmse = 0};
}

OpCase transpose(std::string name, std::string_view type, std::string results, Ints perm) {
  return moved(OpKind::transpose, "transpose_" + std::move(name), {real(type)}, std::move(results),
               {{"perm", std::move(perm)}});
}

OpCase broadcast(std::string name, std::string_view type, std::string results) {
  const Shape shape = type_of(results).shape;
  return moved(OpKind::broadcast, "broadcast_" + std::move(name), {real(type)}, std::move(results),
               {{"shape", shape}}, Spread::constant);
}

OpCase reshape(std::string name, Operand operand, std::string results) {
  const Shape shape = type_of(results).shape;
  return moved(OpKind::reshape, "reshape_" + std::move(name), {std::move(operand)},
               std::move(results), {{"shape", shape}});
}

OpCase slice(std::string name, Operand operand, std::string results, std::int64_t axis,
             std::int64_t start, std::int64_t size) {
  return moved(OpKind::slice, "slice_" + std::move(name), {std::move(operand)}, std::move(results),
               {{"axis", axis}, {"start", start}, {"size", Shape{size}}});
}

OpCase pad(std::string name, std::string_view type, std::string results, std::int64_t axis,
           std::int64_t before, std::int64_t size) {
  return moved(OpKind::pad, "pad_" + std::move(name), {real(type)}, std::move(results),
               {{"axis", axis}, {"before", before}, {"size", Shape{size}}});
}

OpCase shift(std::string name, Operand operand, std::int64_t axis, std::int64_t by) {
  const std::string type = operand.type.text();
  return moved(OpKind::shift, "shift_" + std::move(name), {std::move(operand)}, type,
               {{"axis", axis}, {"by", by}});
}

OpCase select(std::string name, Operand x, Operand index, std::string results) {
  return moved(OpKind::select, "select_" + std::move(name), {std::move(x), std::move(index)},
               std::move(results), {});
}

}  // namespace

const std::vector<OpCase>& shape_cases() {
  static const std::vector<OpCase> cases = {
      reshape("merge", real("f32[3x5x7]"), "f32[15x7]"),
      reshape("split", real("f32[33x64]"), "f32[33x4x16]"),
      reshape("column", real("f32[3x5]"), "f32[3x5x1]"),
      reshape("ids", ids("i32[3x5]", 0, 99), "i32[15]"),
      transpose("matrix", "f32[17x33]", "f32[33x17]", {1, 0}),
      transpose("large", "f32[64x65]", "f32[65x64]", {1, 0}),
      transpose("heads", "f32[2x7x3x5]", "f32[2x3x7x5]", {0, 2, 1, 3}),
      transpose("last", "f32[3x5x15]", "f32[3x15x5]", {0, 2, 1}),
      transpose("turn", "f32[3x5x7]", "f32[7x3x5]", {2, 0, 1}),
      transpose("same", "f32[3x5]", "f32[3x5]", {0, 1}),
      transpose("bf16", "bf16[7x33]", "bf16[33x7]", {1, 0}),
      broadcast("row", "f32[17]", "f32[5x17]"),
      broadcast("column", "f32[7x1]", "f32[7x33]"),
      broadcast("middle", "f32[3x1x5]", "f32[2x3x7x5]"),
      broadcast("scalar", "f32[]", "f32[3x5]"),
      slice("rows", real("f32[17x5]"), "f32[7x5]", 0, 3, 7),
      slice("columns", real("f32[3x33]"), "f32[3x15]", 1, 17, 15),
      slice("middle", real("f32[2x7x3x5]"), "f32[2x1x3x5]", 1, 6, 1),
      slice("whole", real("f32[3x5]"), "f32[3x5]", 1, 0, 5),
      slice("ids", ids("i32[3x7]", 0, 50), "i32[3x3]", 1, 2, 3),
      slice("bf16", real("bf16[3x33]"), "bf16[3x16]", 1, 1, 16),
      pad("rows", "f32[7x5]", "f32[17x5]", 0, 3, 17),
      pad("columns", "f32[3x15]", "f32[3x33]", 1, 17, 33),
      pad("behind", "f32[2x3x5]", "f32[2x7x5]", 1, 0, 7),
      pad("nothing", "f32[3x5]", "f32[3x5]", 0, 0, 3),
      moved(OpKind::concat, "concat_columns",
            {real("f32[3x5]"), real("f32[3x17]"), real("f32[3x1]")}, "f32[3x23]", {{"axis", 1}}),
      moved(OpKind::concat, "concat_rows", {real("f32[1x7]"), real("f32[15x7]")}, "f32[16x7]",
            {{"axis", 0}}),
      moved(OpKind::concat, "concat_middle", {real("f32[2x3x5]"), real("f32[2x4x5]")}, "f32[2x7x5]",
            {{"axis", 1}}),
      moved(OpKind::concat, "concat_one", {real("f32[3x5]")}, "f32[3x5]", {{"axis", 0}}),
      moved(OpKind::concat, "concat_ids", {ids("i32[3]", 0, 9), ids("i32[5]", 0, 9)}, "i32[8]",
            {{"axis", 0}}),
      shift("right", real("f32[3x7]"), 1, 1),
      shift("left", real("f32[17x5]"), 0, -3),
      shift("middle", real("f32[2x7x33]"), 1, 2),
      shift("none", real("f32[3x5]"), 1, 0),
      shift("ids", ids("i32[3x15]", 1, 50), 1, -1),
      select("rows", real("f32[3x7x17]"), ids("i32[3]", 0, 6), "f32[3x17]"),
      select("scalars", real("f32[5x33]"), ids("i32[5]", 0, 32), "f32[5]"),
      select("deep", real("f32[2x5x3x7]"), ids("i32[2]", 0, 4), "f32[2x3x7]"),
  };
  return cases;
}

const std::vector<Rejection>& shape_rejections() {
  static const std::vector<Rejection> rejections = {
      {"reshape_elements",
       OpKind::reshape,
       types_of("f32[3x5]"),
       "shape must hold as many elements as x",
       {{"shape", Shape{3, 6}}}},
      {"reshape_names",
       OpKind::reshape,
       types_of("f32[BxTx5]"),
       "shape must hold as many elements as x",
       {{"shape", Shape{ir::Dim::named('B'), 5}}}},
      {"transpose_short",
       OpKind::transpose,
       types_of("f32[3x5]"),
       "perm must hold every axis of x once",
       {{"perm", Ints{0}}}},
      {"transpose_twice",
       OpKind::transpose,
       types_of("f32[3x5]"),
       "perm must hold every axis of x once",
       {{"perm", Ints{1, 1}}}},
      {"broadcast_shape",
       OpKind::broadcast,
       types_of("f32[3]"),
       "x must broadcast to shape",
       {{"shape", Shape{3, 5}}}},
      {"slice_axis",
       OpKind::slice,
       types_of("f32[3x5]"),
       "axis must be one of the operand's",
       {{"axis", 2}, {"size", Shape{1}}}},
      {"slice_end",
       OpKind::slice,
       types_of("f32[3x5]"),
       "must not pass the whole axis",
       {{"axis", 1}, {"start", 3}, {"size", Shape{3}}}},
      {"slice_start",
       OpKind::slice,
       types_of("f32[3x5]"),
       "start must not be below 0",
       {{"axis", 1}, {"start", -1}, {"size", Shape{3}}}},
      {"slice_size",
       OpKind::slice,
       types_of("f32[3x5]"),
       "size must be one dimension",
       {{"axis", 1}, {"size", Shape{1, 1}}}},
      {"pad_small",
       OpKind::pad,
       types_of("f32[3x5]"),
       "must not pass the whole axis",
       {{"axis", 1}, {"before", 1}, {"size", Shape{5}}}},
      {"concat_none", OpKind::concat, {}, "at least one", {{"axis", 0}}},
      {"concat_shapes",
       OpKind::concat,
       types_of("f32[3x5], f32[4x5]"),
       "operands must be alike but for their size along axis",
       {{"axis", 1}}},
      {"concat_dtypes",
       OpKind::concat,
       types_of("f32[3x5], i32[3x5]"),
       "operands must be alike",
       {{"axis", 1}}},
      {"shift_axis",
       OpKind::shift,
       types_of("f32[3]"),
       "axis must be one of the operand's",
       {{"axis", -1}, {"by", 1}}},
      {"select_index", OpKind::select, types_of("f32[3x5], i32[4]"), "index must be i32[3]"},
      {"select_rank", OpKind::select, types_of("f32[3], i32[3]"), "x must have at least 2 axes"},
  };
  return rejections;
}

}  // namespace gptc::testing
