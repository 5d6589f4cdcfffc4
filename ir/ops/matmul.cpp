// Matrix products, alone or with an epilogue.
#include <algorithm>
#include <array>
#include <numeric>

#include "ir/ops/incremental.h"
#include "ir/ops/quantise.h"
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::Grads;
using rules::require;

// -- epilogue -------------------------------------------------------------------------------------

enum class EpilogueOperand { none, row, like_result };

struct EpilogueRow {
  std::string_view name;
  OpKind op;
  EpilogueOperand operand;
};

constexpr std::array<EpilogueRow, 6> epilogue_rows = {{
    {"scale", OpKind::mul, EpilogueOperand::row},
    {"bias", OpKind::add, EpilogueOperand::row},
    {"gelu", OpKind::gelu, EpilogueOperand::none},
    {"relu", OpKind::relu, EpilogueOperand::none},
    {"mul", OpKind::mul, EpilogueOperand::like_result},
    {"add", OpKind::add, EpilogueOperand::like_result},
}};

const EpilogueRow* find_epilogue(std::string_view name) {
  const auto* found =
      std::find_if(epilogue_rows.begin(), epilogue_rows.end(),
                   [&](const EpilogueRow& candidate) { return candidate.name == name; });
  return found == epilogue_rows.end() ? nullptr : found;
}

void require_epilogue(const InferContext& context, const Type& result) {
  std::size_t next = 2;
  for (const std::string& name : context.attrs.strings("epilogue")) {
    const EpilogueRow* row = find_epilogue(name);
    if (row == nullptr) context.fail("epilogue ops are scale, bias, gelu, relu, mul and add", name);
    if (row->operand == EpilogueOperand::none) continue;
    require(context, next < context.operands.size(),
            "every bias, mul and add of the epilogue needs an operand",
            fmt::format("{} operands, none for '{}'", context.operands.size(), name));
    // Either dtype will do beside bf16: the epilogue works in f32.
    const Type& got = context.operand(next);
    const DType narrow = context.operand(0).dtype;
    const DType dtype = got.dtype == rules::stat_dtype(narrow) ? got.dtype : narrow;
    const Type wanted{
        dtype, row->operand == EpilogueOperand::row ? Shape{result.shape.back()} : result.shape};
    require(context, got == wanted,
            fmt::format("the operand of '{}' must be {}", name, wanted.text()), got);
    ++next;
  }
  require(context, next == context.operands.size(),
          "there may be no more operands than the epilogue uses", context.operands.size());
}

// -- inference ------------------------------------------------------------------------------------

/// The two last dims of an operand, as multiplied.
struct Matrix {
  Dim rows, columns;
};

Matrix matrix(const Shape& shape, bool transposed) {
  const Dim rows = shape[shape.rank() - 2];
  const Dim columns = shape.back();
  return transposed ? Matrix{columns, rows} : Matrix{rows, columns};
}

std::vector<Dim> leading(const Shape& shape) {
  return std::vector<Dim>(shape.begin(), shape.end() - 2);
}

std::vector<Type> infer_matmul(const InferContext& context) {
  rules::require_float(context, 0);
  if (context.operand(1).dtype != DType::i8) rules::require_dtype_of_first(context, 1);
  rules::require_min_rank(context, 0, 2);
  rules::require_min_rank(context, 1, 2);
  const Type& a = context.operand(0);
  const Type& b = context.operand(1);
  require(context, b.shape.rank() == 2 || leading(a.shape) == leading(b.shape),
          "b must have 2 axes or the leading axes of a", a, b);
  const Matrix left = matrix(a.shape, context.attrs.flag("transpose_a"));
  const Matrix right = matrix(b.shape, context.attrs.flag("transpose_b"));
  require(context, left.columns == right.rows, "inner dimensions must be equal",
          fmt::format("{} of {}", rules::text(left.columns), a.text()),
          fmt::format("{} of {}", rules::text(right.rows), b.text()));
  std::vector<Dim> dims = leading(a.shape);
  dims.push_back(left.rows);
  dims.push_back(right.columns);
  const DType dtype = context.attrs.flag("wide") ? rules::stat_dtype(a.dtype) : a.dtype;
  const Type result{dtype, Shape(std::move(dims))};
  require_epilogue(context, result);
  return {result};
}

// -- decomposition --------------------------------------------------------------------------------

std::vector<Value> decompose_matmul(Builder& b, const Node& node, std::span<const Value> operands) {
  const Strings epilogue = node.attrs.strings("epilogue");
  if (epilogue.empty()) return {};
  const DType narrow = b.type(operands[0]).dtype;
  const DType dtype = rules::stat_dtype(narrow);
  Value y = b.matmul(operands[0], operands[1],
                     {.transpose_a = node.attrs.flag("transpose_a"),
                      .transpose_b = node.attrs.flag("transpose_b"),
                      .wide = true});
  std::size_t next = 2;
  for (const std::string& name : epilogue) {
    const EpilogueRow* row = find_epilogue(name);
    internal_check(row != nullptr, "matmul: unknown epilogue '{}'", name);
    y = row->operand == EpilogueOperand::none
            ? b.op(row->op, {y})
            : b.op(row->op, {y, rules::cast_to(b, operands[next++], dtype)});
  }
  return {node.attrs.flag("wide") ? y : rules::cast_to(b, y, narrow)};
}

// -- gradient -------------------------------------------------------------------------------------

struct Product {
  Builder& b;
  Value a, c;  // c: the second operand
  bool transpose_a, transpose_c;
  Value dy;  // of the dtype of a

  bool shared() const { return b.shape(a).rank() > 2 && b.shape(c).rank() == 2; }
};

// dy · op(c)ᵀ, transposed if a is stored transposed.
Value grad_a(const Product& p) {
  if (!p.transpose_a) return p.b.matmul(p.dy, p.c, {.transpose_b = !p.transpose_c, .wide = true});
  if (!p.shared()) {
    return p.b.matmul(p.c, p.dy, {.transpose_a = p.transpose_c, .transpose_b = true, .wide = true});
  }
  // One matrix cannot stand left of many.
  const Value straight = p.b.matmul(p.dy, p.c, {.transpose_b = !p.transpose_c, .wide = true});
  Ints perm(p.b.shape(straight).rank());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 2], perm[perm.size() - 1]);
  return p.b.transpose(straight, std::move(perm));
}

// op(a)ᵀ · dy, transposed if c is stored transposed; a and dy with the same leading axes.
Value product_of_both(const Product& p, Value a, Value dy) {
  return p.transpose_c
             ? p.b.matmul(dy, a, {.transpose_a = true, .transpose_b = p.transpose_a, .wide = true})
             : p.b.matmul(a, dy, {.transpose_a = !p.transpose_a, .wide = true});
}

Value grad_c(const Product& p) {
  if (!p.shared()) return product_of_both(p, p.a, p.dy);
  if (!p.transpose_a) {
    return product_of_both(p, rules::as_rows(p.b, p.a), rules::as_rows(p.b, p.dy));
  }
  // Rows of a stored transposed are not rows of one matrix: sum the products.
  return p.b.sum_to_shape(product_of_both(p, p.a, p.dy), p.b.shape(p.c));
}

Grads vjp_matmul(const VjpContext& c) {
  user_check(c.attrs().strings("epilogue").empty(),
             "matmul: a product with an epilogue has no gradient, but got {} at {}:{}; epilogues "
             "are formed after differentiation",
             attr_text(c.attrs().strings("epilogue")), c.graph[c.node].origin.file,
             c.graph[c.node].origin.line);
  const DType dtype = c.builder.type(c.operand(0)).dtype;
  const Product product{.b = c.builder,
                        .a = c.operand(0),
                        .c = c.operand(1),
                        .transpose_a = c.attrs().flag("transpose_a"),
                        .transpose_c = c.attrs().flag("transpose_b"),
                        .dy = rules::cast_to(c.builder, rules::grad(c), dtype)};
  // Sums over rows, as a weight's gradient is one, keep their precision.
  const Value da = rules::cast_to(c.builder, grad_a(product), dtype);
  if (!is_float(c.builder.type(c.operand(1)).dtype)) return {da, std::nullopt};
  return {da, grad_c(product)};
}

/// What an epilogue adds last may lie under the result: it is read element by element.
std::vector<InPlace> in_place_of_matmul(const Node& node) {
  const Strings& epilogue = node.attrs.strings("epilogue");
  if (epilogue.empty() || epilogue.back() != "add") return {};
  return {{0, node.operands.size() - 1}};
}

double flops_matmul(const Graph& graph, const Node& node) {
  const Shape& a = graph.type(node.operands[0]).shape;
  const Dim inner = matrix(a, node.attrs.flag("transpose_a")).columns;
  return 2 * static_cast<double>(node.results[0].shape.numel()) * static_cast<double>(inner.size());
}

}  // namespace

const OpDef& op_matmul() {
  static const OpDef def = {
      .kind = OpKind::matmul,
      .name = "matmul",
      .doc =
          "a[...,M,K], b[K,N] or b[...,K,N] -> [...,M,N]: matrix product, then the ops of "
          "`epilogue` in order: bias (operand [N]), gelu, relu, mul, add (operands like the "
          "result). Their operands follow in the same order.",
      .operands = {{"a"}, {"b"}, {"extra", Arity::variadic}},
      .attributes = {{"transpose_a", AttrKind::boolean, false, "a is stored [...,K,M]"},
                     {"transpose_b", AttrKind::boolean, false, "b is stored [...,N,K]"},
                     {"epilogue", AttrKind::strings, Strings{},
                      "ops on the product: bias, gelu, relu, mul, add"},
                     {"exact", AttrKind::boolean, false,
                      "each row has the same bits, however many rows there are"},
                     {"wide", AttrKind::boolean, false,
                      "the result is not rounded: f32 where the operands are bf16"}},
      .infer = infer_matmul,
      .vjp = vjp_matmul,
      .decompose = decompose_matmul,
      .precision = {.operands = {0, 1}},
      .flops = flops_matmul,
      .in_place_of = in_place_of_matmul,
      .incremental = incremental::matmul,
      .quantise = quantise::matmul,
  };
  return def;
}

}  // namespace gptc::ir
