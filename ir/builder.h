// The only way to make nodes: attributes checked, types inferred, origin noted.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace gptc::ir {

class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(&graph) {}

  Graph& graph() const { return *graph_; }
  const Type& type(Value value) const { return graph_->type(value); }
  const Shape& shape(Value value) const { return graph_->type(value).shape; }

  /// New nodes carry this origin.
  void set_origin(Origin origin) { origin_ = std::move(origin); }
  const Origin& origin() const { return origin_; }

  /// UserError if attributes, operand count or types break the op's rules.
  NodeId node(OpKind kind, std::vector<Value> operands, Attrs attrs = {},
              std::shared_ptr<const Graph> body = nullptr);
  /// The first result.
  Value op(OpKind kind, std::vector<Value> operands, Attrs attrs = {}) {
    return {node(kind, std::move(operands), std::move(attrs)), 0};
  }

  Value constant(double value, const Type& type);
  Value scalar(double value, DType dtype = DType::f32) { return constant(value, {dtype, {}}); }

  Value add(Value a, Value b) { return op(OpKind::add, {a, b}); }
  Value sub(Value a, Value b) { return op(OpKind::sub, {a, b}); }
  Value mul(Value a, Value b) { return op(OpKind::mul, {a, b}); }
  Value div(Value a, Value b) { return op(OpKind::div, {a, b}); }
  Value neg(Value x) { return op(OpKind::neg, {x}); }
  Value exp(Value x) { return op(OpKind::exp, {x}); }
  Value log(Value x) { return op(OpKind::log, {x}); }
  Value tanh(Value x) { return op(OpKind::tanh, {x}); }
  Value rsqrt(Value x) { return op(OpKind::rsqrt, {x}); }
  /// Scaled by a number.
  Value scale(Value x, double by) { return mul(x, scalar(by, type(x).dtype)); }

  Value reshape(Value x, Shape shape) {
    return op(OpKind::reshape, {x}, {{"shape", std::move(shape)}});
  }
  Value transpose(Value x, Ints perm) {
    return op(OpKind::transpose, {x}, {{"perm", std::move(perm)}});
  }
  Value broadcast(Value x, Shape shape) {
    return op(OpKind::broadcast, {x}, {{"shape", std::move(shape)}});
  }
  Value reduce_sum(Value x, Ints axes) {
    return op(OpKind::reduce_sum, {x}, {{"axes", std::move(axes)}});
  }
  Value reduce_max(Value x, Ints axes) {
    return op(OpKind::reduce_max, {x}, {{"axes", std::move(axes)}});
  }
  /// A sum over the last axis that keeps it with size 1.
  Value row_sum(Value x);
  Value row_max(Value x);
  /// Sums the axes that broadcasting added or widened, until x has the wanted shape.
  Value sum_to_shape(Value x, const Shape& wanted);

  struct MatmulOptions {
    bool transpose_a = false;
    bool transpose_b = false;
    bool wide = false;
  };
  Value matmul(Value a, Value b, MatmulOptions options);
  Value matmul(Value a, Value b) { return matmul(a, b, MatmulOptions{}); }

  /// Copies a node of a graph of the same or another owner onto new operands.
  NodeId clone(const Node& node, std::vector<Value> operands);

 private:
  Graph* graph_;
  Origin origin_;
};

/// 64 bits of a stable hash (FNV-1a then mixed), for rng_key: (seed, scope, op, ordinal).
std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0);

}  // namespace gptc::ir
