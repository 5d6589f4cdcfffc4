// What the op rows share: checks that print what they got, shape arithmetic, small graph builders.
// Private to ir/ops.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/builder.h"
#include "ir/op_def.h"

namespace gptc::ir::rules {

// -- "but got ..." ------------------------------------------------------------------------------

std::string text(const Type& type);    // f32[4xT]
std::string text(const Shape& shape);  // [4xT]
std::string text(const Dim& dim);
std::string text(const Ints& values);
std::string text(std::string_view words);
std::string text(std::int64_t value);
std::string text(std::size_t value);
std::string text(double value);

/// UserError `op: rule, but got a and b` unless it holds; the texts are made on failure only.
template <class... Got>
void require(const InferContext& context, bool holds, std::string_view rule, const Got&... got) {
  if (holds) return;
  std::string list;
  ((list += (list.empty() ? "" : " and ") + text(got)), ...);
  context.fail(rule, list);
}

// -- checks -------------------------------------------------------------------------------------

/// "x" or "the gain": the operand's name in the row.
std::string_view operand_name(const InferContext& context, std::size_t operand);
void require_float(const InferContext& context, std::size_t operand);
/// Same dtype as operand 0.
void require_dtype_of_first(const InferContext& context, std::size_t operand);
/// Same dtype as operand 0, or bf16 beside f32.
void require_dtype_of_first_or_bf16(const InferContext& context, std::size_t operand);
void require_type(const InferContext& context, std::size_t operand, const Type& wanted);
void require_min_rank(const InferContext& context, std::size_t operand, std::size_t rank);
/// i32 of the wanted shape.
void require_ids(const InferContext& context, std::size_t operand, const Shape& wanted);
void require_ids(const InferContext& context, std::size_t operand);
/// i64[].
void require_counter(const InferContext& context, std::size_t operand);
/// An attribute in [low, high); NaN never is.
void require_real(const InferContext& context, std::string_view name, double low, double high);
/// Finite and above 0.
void require_positive(const InferContext& context, std::string_view name);
/// Attribute `axis`, within the operand's rank.
std::size_t axis_of(const InferContext& context, std::size_t operand);
/// Attribute `size`, a shape of one.
Dim size_of(const InferContext& context);

// -- shapes -------------------------------------------------------------------------------------

bool contains(const Ints& values, std::int64_t value);
Shape without_last(const Shape& shape);
Shape with_last(const Shape& leading, Dim last);
/// [...] of [...,C] as a column: [...,1].
Shape as_column(const Shape& leading);
Ints last_axis(const Shape& shape);
/// Product of the dimensions that are numbers; nothing if it overflows.
std::optional<std::int64_t> product_of_numbers(const Shape& shape);
/// The dtype of statistics, losses and sums over values of a dtype: f32 for bf16, else the same.
DType stat_dtype(DType dtype);

// -- graphs -------------------------------------------------------------------------------------

using Grads = std::vector<std::optional<Value>>;

/// x itself where it has the dtype or shape already.
Value cast_to(Builder& builder, Value x, DType dtype);
Value reshaped(Builder& builder, Value x, const Shape& shape);
/// x[..., C] as [R, C].
Value as_rows(Builder& builder, Value x);
Value sum_all(Builder& builder, Value x);
/// The gradient of result 0, which the op's only differentiable result is.
Value grad(const VjpContext& context);

}  // namespace gptc::ir::rules
