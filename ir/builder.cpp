#include "ir/builder.h"

#include <algorithm>
#include <numeric>

#include "ir/op_def.h"

namespace gptc::ir {

NodeId Builder::node(OpKind kind, std::vector<Value> operands, Attrs attrs,
                     std::shared_ptr<const Graph> body) {
  const OpDef& def = op_def(kind);
  std::vector<Type> types;
  types.reserve(operands.size());
  for (const Value& operand : operands) types.push_back(type(operand));
  Node made{.kind = kind, .operands = std::move(operands), .origin = origin_};
  made.attrs = checked_attrs(def, std::move(attrs), origin_);
  made.results = infer_types(def, types, made.attrs, body.get(), origin_);
  made.body = std::move(body);
  return graph_->add_node(std::move(made));
}

Value Builder::constant(double value, const Type& type) {
  return op(OpKind::constant, {}, {{"value", value}, {"dtype", type.dtype}, {"shape", type.shape}});
}

Value Builder::row_sum(Value x) {
  const Shape& full = shape(x);
  Shape kept = full;
  kept[full.rank() - 1] = Dim(1);
  return reshape(reduce_sum(x, {static_cast<std::int64_t>(full.rank()) - 1}), kept);
}

Value Builder::row_max(Value x) {
  const Shape& full = shape(x);
  Shape kept = full;
  kept[full.rank() - 1] = Dim(1);
  return reshape(reduce_max(x, {static_cast<std::int64_t>(full.rank()) - 1}), kept);
}

Value Builder::sum_to_shape(Value x, const Shape& wanted) {
  if (shape(x) == wanted) return x;
  const Shape have = shape(x);
  internal_check(have.rank() >= wanted.rank(), "sum_to_shape: [{}] does not broadcast to [{}]",
                 wanted.text(), have.text());
  const std::size_t extra = have.rank() - wanted.rank();
  Ints axes;
  for (std::size_t axis = 0; axis < have.rank(); ++axis) {
    if (axis < extra || wanted[axis - extra] != have[axis]) {
      axes.push_back(static_cast<std::int64_t>(axis));
    }
  }
  const Value summed = axes.empty() ? x : reduce_sum(x, std::move(axes));
  return shape(summed) == wanted ? summed : reshape(summed, wanted);
}

Value Builder::matmul(Value a, Value b, MatmulOptions options) {
  return op(OpKind::matmul, {a, b},
            {{"transpose_a", options.transpose_a},
             {"transpose_b", options.transpose_b},
             {"wide", options.wide}});
}

NodeId Builder::clone(const Node& original, std::vector<Value> operands) {
  Builder as_original(*graph_);  // if it throws, our origin is what it was
  as_original.set_origin(original.origin);
  return as_original.node(original.kind, std::move(operands), original.attrs, original.body);
}

std::uint64_t stable_hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ (seed * 0x9e3779b97f4a7c15ULL);
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

}  // namespace gptc::ir
