#include "ir/op_def.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "ir/check.h"

namespace gptc::ir {

#define OP(name) const OpDef& op_##name();
#include "ir/ops.def"
#undef OP

namespace {

using RowFn = const OpDef& (*)();

constexpr auto rows = std::to_array<RowFn>({
#define OP(name) op_##name,
#include "ir/ops.def"
#undef OP
});

constexpr auto kinds = std::to_array<OpKind>({
#define OP(name) OpKind::name,
#include "ir/ops.def"
#undef OP
});

constexpr auto kind_names = std::to_array<std::string_view>(
    {"true or false", "an integer", "a key", "a number", "a text", "a list of integers",
     "a list of texts", "a shape", "a dtype"});

std::string place(const Origin& origin) {
  std::string text;
  if (!origin.file.empty()) text += fmt::format(" at {}:{}", origin.file, origin.line);
  if (!origin.scope.empty()) text += fmt::format(" ({})", origin.scope);
  return text;
}

[[noreturn]] void broken(std::string_view op, std::string_view rule, std::string_view got,
                         const Origin& origin) {
  user_error("{}: {}, but got {}{}", op, rule, got, place(origin));
}

template <class Specs>
std::string name_list(const Specs& specs) {
  std::string list;
  for (const auto& spec : specs) list += fmt::format("{}{}", list.empty() ? "" : ", ", spec.name);
  return list.empty() ? "none" : list;
}

void check_operand_count(const OpDef& def, std::size_t count, const Origin& origin) {
  std::size_t least = 0;
  std::size_t most = 0;
  for (const OperandSpec& spec : def.operands) {
    if (spec.arity == Arity::one) ++least;
    most = spec.arity == Arity::variadic ? std::numeric_limits<std::size_t>::max() : most + 1;
  }
  if (count >= least && count <= most) return;
  std::string wanted = std::to_string(least);
  if (most > least)
    wanted = most - least == 1 ? fmt::format("{} or {}", least, most)
                               : fmt::format("at least {}", least);
  broken(def.name, fmt::format("operands must be {} ({})", wanted, name_list(def.operands)),
         std::to_string(count), origin);
}

/// Sizes of at least 1 and bytes within 63 bits, so that arithmetic on them is safe.
bool has_sane_sizes(const Type& type) {
  std::int64_t bytes = dtype_bytes(type.dtype);
  for (const Dim& dim : type.shape) {
    if (dim.is_named()) continue;
    if (dim.size() < 1 || __builtin_mul_overflow(bytes, dim.size(), &bytes)) return false;
  }
  return true;
}

void check_sizes(const OpDef& def, std::span<const Type> types, std::string_view what,
                 const Origin& origin) {
  for (const Type& type : types) {
    if (has_sane_sizes(type)) continue;
    broken(def.name,
           fmt::format("sizes of the {} must be at least 1 and the bytes fit 63 bits", what),
           type.text(), origin);
  }
}

/// The value as the kind wants it; whole numbers are real numbers too.
std::optional<AttrValue> as_kind(const AttrValue& value, AttrKind kind) {
  if (value.index() == static_cast<std::size_t>(kind)) return value;
  const std::int64_t* whole = std::get_if<std::int64_t>(&value);
  if (kind == AttrKind::real && whole != nullptr) return static_cast<double>(*whole);
  return std::nullopt;
}

}  // namespace

const OpDef& op_def(OpKind kind) { return rows[static_cast<std::size_t>(kind)](); }

std::optional<OpKind> find_op(std::string_view name) {
  const auto* found = std::find_if(kinds.begin(), kinds.end(),
                                   [&](OpKind kind) { return op_def(kind).name == name; });
  if (found == kinds.end()) return std::nullopt;
  return *found;
}

std::span<const OpKind> all_ops() { return kinds; }

Attrs checked_attrs(const OpDef& def, Attrs attrs, const Origin& origin) {
  for (const auto& entry : attrs) {
    const bool known = std::any_of(def.attributes.begin(), def.attributes.end(),
                                   [&](const AttrSpec& spec) { return spec.name == entry.first; });
    if (known) continue;
    broken(def.name, fmt::format("attributes must be among: {}", name_list(def.attributes)),
           fmt::format("'{}'", entry.first), origin);
  }
  for (const AttrSpec& spec : def.attributes) {
    const AttrValue* given = attrs.find(spec.name);
    if (given == nullptr && spec.fallback) given = &*spec.fallback;
    if (given == nullptr) {
      broken(def.name, fmt::format("attribute '{}' must be given ({})", spec.name, spec.doc),
             "none", origin);
    }
    const std::optional<AttrValue> fitting = as_kind(*given, spec.kind);
    if (!fitting) {
      const std::string_view wanted = kind_names[static_cast<std::size_t>(spec.kind)];
      broken(def.name, fmt::format("attribute '{}' must be {}", spec.name, wanted),
             attr_text(*given), origin);
    }
    attrs.set(spec.name, *fitting);
  }
  return attrs;
}

void InferContext::fail(std::string_view rule, std::string_view got) const {
  broken(op_def(kind).name, rule, got, origin);
}

std::vector<Type> infer_types(const OpDef& def, std::span<const Type> operands, const Attrs& attrs,
                              const Graph* body, const Origin& origin) {
  if (def.infer == nullptr) {
    broken(def.name, "its type must be declared, not inferred", "no declaration", origin);
  }
  check_operand_count(def, operands.size(), origin);
  check_sizes(def, operands, "operands", origin);
  std::vector<Type> results = def.infer(
      {.kind = def.kind, .operands = operands, .attrs = attrs, .body = body, .origin = origin});
  check_sizes(def, results, "results", origin);
  return results;
}

bool is_row_local(const Graph& graph, NodeId node) {
  const OpDef& def = op_def(graph[node]);
  return def.has(Trait::row_local) ||
         (def.row_local_if != nullptr && def.row_local_if(graph, graph[node]));
}

std::vector<InPlace> in_place_rules(const Node& node) {
  const OpDef& def = op_def(node);
  return def.in_place_of != nullptr ? def.in_place_of(node) : def.in_place;
}

double flops(const Graph& graph, NodeId id) {
  const Node& node = graph[id];
  const OpDef& def = op_def(node);
  if (def.flops != nullptr) return def.flops(graph, node);
  if (def.has(Trait::source) || def.has(Trait::view)) return 0;
  double total = 0;
  for (const Type& result : node.results) total += static_cast<double>(result.shape.numel());
  return total;
}

double bytes(const Graph& graph, NodeId id) {
  const Node& node = graph[id];
  if (op_def(node).has(Trait::view)) return 0;
  double total = 0;
  for (const Value& operand : std::set<Value>(node.operands.begin(), node.operands.end())) {
    total += static_cast<double>(graph.type(operand).bytes());
  }
  for (const Type& result : node.results) total += static_cast<double>(result.bytes());
  return total;
}

}  // namespace gptc::ir
