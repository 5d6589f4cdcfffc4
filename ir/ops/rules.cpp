#include "ir/ops/rules.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gptc::ir::rules {

std::string text(const Type& type) { return type.text(); }
std::string text(const Shape& shape) { return fmt::format("[{}]", shape.text()); }
std::string text(const Dim& dim) { return Shape{dim}.text(); }
std::string text(const Ints& values) { return attr_text(values); }
std::string text(std::string_view words) { return std::string(words); }
std::string text(std::int64_t value) { return std::to_string(value); }
std::string text(std::size_t value) { return std::to_string(value); }
std::string text(double value) { return attr_text(value); }

std::string_view operand_name(const InferContext& context, std::size_t operand) {
  const std::vector<OperandSpec>& specs = op_def(context.kind).operands;
  return specs[std::min(operand, specs.size() - 1)].name;
}

namespace {

std::string about(const InferContext& context, std::size_t operand, std::string_view rule) {
  return std::string(operand_name(context, operand)) + " " + std::string(rule);
}

}  // namespace

void require_float(const InferContext& context, std::size_t operand) {
  const Type& type = context.operand(operand);
  if (!is_float(type.dtype))
    require(context, false, about(context, operand, "must be f64, f32 or bf16"), type);
}

void require_dtype_of_first(const InferContext& context, std::size_t operand) {
  const Type& first = context.operand(0);
  const Type& type = context.operand(operand);
  if (type.dtype == first.dtype) return;
  require(
      context, false,
      about(context, operand, "must have the dtype of " + std::string(operand_name(context, 0))),
      type, first);
}

void require_dtype_of_first_or_bf16(const InferContext& context, std::size_t operand) {
  const bool narrow = context.operand(operand).dtype == DType::bf16;
  if (!narrow || context.operand(0).dtype != DType::f32) require_dtype_of_first(context, operand);
}

void require_type(const InferContext& context, std::size_t operand, const Type& wanted) {
  const Type& type = context.operand(operand);
  if (type == wanted) return;
  require(context, false, about(context, operand, "must be " + wanted.text()), type);
}

void require_min_rank(const InferContext& context, std::size_t operand, std::size_t rank) {
  const Type& type = context.operand(operand);
  if (type.shape.rank() >= rank) return;
  require(context, false,
          about(context, operand, "must have at least " + std::to_string(rank) + " axes"), type);
}

void require_ids(const InferContext& context, std::size_t operand) {
  const Type& type = context.operand(operand);
  if (type.dtype != DType::i32)
    require(context, false, about(context, operand, "must be i32"), type);
}

void require_ids(const InferContext& context, std::size_t operand, const Shape& wanted) {
  require_type(context, operand, {DType::i32, wanted});
}

void require_counter(const InferContext& context, std::size_t operand) {
  require_type(context, operand, {DType::i64, {}});
}

void require_real(const InferContext& context, std::string_view name, double low, double high) {
  const double value = context.attrs.real(name);
  if (value >= low && value < high) return;
  require(context, false, fmt::format("{} must lie in [{}, {})", name, low, high), value);
}

void require_positive(const InferContext& context, std::string_view name) {
  const double value = context.attrs.real(name);
  if (value > 0 && std::isfinite(value)) return;
  require(context, false, fmt::format("{} must be finite and above 0", name), value);
}

std::size_t axis_of(const InferContext& context, std::size_t operand) {
  const std::int64_t axis = context.attrs.integer("axis");
  const Type& type = context.operand(operand);
  require(context, axis >= 0 && axis < static_cast<std::int64_t>(type.shape.rank()),
          "axis must be one of the operand's", axis, type);
  return static_cast<std::size_t>(axis);
}

Dim size_of(const InferContext& context) {
  const Shape& size = context.attrs.get<Shape>("size");
  require(context, size.rank() == 1, "size must be one dimension", size);
  return size[0];
}

bool contains(const Ints& values, std::int64_t value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

Shape without_last(const Shape& shape) {
  return Shape(std::vector<Dim>(shape.begin(), shape.end() - 1));
}

Shape with_last(const Shape& leading, Dim last) {
  std::vector<Dim> dims = leading.dims();
  dims.push_back(last);
  return Shape(std::move(dims));
}

Shape as_column(const Shape& leading) { return with_last(leading, Dim(1)); }

Ints last_axis(const Shape& shape) { return {static_cast<std::int64_t>(shape.rank()) - 1}; }

std::optional<std::int64_t> product_of_numbers(const Shape& shape) {
  std::int64_t product = 1;
  for (const Dim& dim : shape) {
    if (!dim.is_named() && __builtin_mul_overflow(product, dim.size(), &product)) {
      return std::nullopt;
    }
  }
  return product;
}

DType stat_dtype(DType dtype) { return dtype == DType::bf16 ? DType::f32 : dtype; }

Value cast_to(Builder& builder, Value x, DType dtype) {
  return builder.type(x).dtype == dtype ? x : builder.op(OpKind::cast, {x}, {{"dtype", dtype}});
}

Value reshaped(Builder& builder, Value x, const Shape& shape) {
  return builder.shape(x) == shape ? x : builder.reshape(x, shape);
}

Value as_rows(Builder& builder, Value x) {
  const Shape& shape = builder.shape(x);
  return shape.rank() == 2 ? x : builder.reshape(x, {Dim(shape.rows()), shape.back()});
}

Value sum_all(Builder& builder, Value x) {
  Ints axes(builder.shape(x).rank());
  std::iota(axes.begin(), axes.end(), 0);
  return axes.empty() ? x : builder.reduce_sum(x, std::move(axes));
}

Value grad(const VjpContext& context) {
  internal_check(context.grads.size() == context.graph[context.node].results.size() &&
                     context.grads[0].has_value(),
                 "{}: vjp without a gradient of result 0",
                 op_def(context.graph[context.node]).name);
  return *context.grads[0];
}

}  // namespace gptc::ir::rules
