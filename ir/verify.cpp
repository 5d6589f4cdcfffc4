#include "ir/verify.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"
#include "ir/parse.h"
#include "ir/print.h"

namespace gptc::ir {
namespace {

bool valid_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto rest = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.'; };
  return !name.empty() && letter(name[0]) && std::all_of(name.begin(), name.end(), rest);
}

/// What the text form writes behind @: a scope, the name of a graph or module.
bool valid_word(std::string_view word) {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/';
  };
  return !word.empty() && std::all_of(word.begin(), word.end(), fits);
}

/// Sizes of at least 1 and bytes within 63 bits. Types of operands and results are checked by
/// infer, those of inputs and states here.
bool valid_type(const Type& type) {
  std::int64_t bytes = dtype_bytes(type.dtype);
  return std::all_of(type.shape.begin(), type.shape.end(), [&](const Dim& dim) {
    return dim.is_named() ||
           (dim.size() >= 1 && !__builtin_mul_overflow(bytes, dim.size(), &bytes));
  });
}

using Keys = std::set<std::uint64_t>;

/// Gradients and clones draw what a forward op drew.
bool runs_again(const Node& node) {
  const std::string& scope = node.origin.scope;
  return scope.ends_with("/grad") || scope == "again" || scope.ends_with("/again");
}

/// Most checks are written as ifs: messages are made of what is wrong alone.
class Verifier {
 public:
  /// Bodies share the keys of the graph around them.
  Verifier(const Graph& graph, const Module* module, Keys& keys)
      : graph_(graph), module_(module), keys_(keys) {}

  void run() {
    internal_check(graph_.edges_match_operands(), "{}: Boost.Graph's edges are not the operands",
                   graph_.name());
    internal_check(valid_word(graph_.name()), "graph '{}': its name is not valid", graph_.name());
    for (const NodeId id : topological_order(graph_)) check_node(id);
    for (const NodeId id : graph_.inputs()) check_interface_name(id);
    for (const Output& output : graph_.outputs()) {
      if (!exists(output.value)) reject_value("output " + output.name);
      internal_check(valid_name(output.name) && output_names_.insert(output.name).second,
                     "{}: output name '{}' is not a new, valid name", graph_.name(), output.name);
    }
    for (const Update& update : graph_.updates()) check_update(update);
  }

 private:
  std::string where(NodeId id) const {
    const Node& node = graph_[id];
    return fmt::format("{}: node {} ({}) in scope '{}'", graph_.name(), id.index, op_def(node).name,
                       node.origin.scope);
  }

  bool exists(Value value) const {
    return graph_.alive(value.node) && value.result < graph_[value.node].results.size();
  }

  [[noreturn]] void reject_value(const std::string& user) const {
    internal_error("{}: {} uses a value that does not exist", graph_.name(), user);
  }

  void check_node(NodeId id) {
    const Node& node = graph_[id];
    const OpDef& def = op_def(node);
    std::vector<Type> types;
    for (const Value& operand : node.operands) {
      if (!exists(operand)) reject_value(where(id));
      types.push_back(graph_.type(operand));
    }
    if (!node.origin.scope.empty() && !valid_word(node.origin.scope))
      internal_error("{}: the scope is not letters, digits and _ . /", where(id));
    if (node.kind == OpKind::input || node.kind == OpKind::state) return check_interface(id);
    check_inference(id, def, types);
    if (node.body && node.kind != OpKind::row_fused)
      internal_error("{}: only row_fused has a body", where(id));
    Keys own;
    if (node.body) Verifier(*node.body, nullptr, runs_again(node) ? own : keys_).run();
    check_random_key(id, def);
  }

  void check_interface(NodeId id) {
    const Node& node = graph_[id];
    const auto& inputs = graph_.inputs();
    if (!node.operands.empty() || node.results.size() != 1 || !valid_type(node.results[0]))
      internal_error("{}: sizes must be at least 1 and the bytes fit 63 bits, but got {}",
                     where(id), node.results.size() == 1 ? node.results[0].text() : "no type");
    if (node.kind == OpKind::state) return check_interface_name(id);
    if (std::find(inputs.begin(), inputs.end(), id) == inputs.end())
      internal_error("{}: it is not among the graph's inputs", where(id));
  }

  void check_inference(NodeId id, const OpDef& def, const std::vector<Type>& types) const {
    const Node& node = graph_[id];
    try {
      if (checked_attrs(def, node.attrs, node.origin) != node.attrs)
        internal_error("{}: attributes lack their defaults", where(id));
      const std::vector<Type> inferred =
          infer_types(def, types, node.attrs, node.body.get(), node.origin);
      if (inferred != node.results)
        internal_error("{}: stored types differ from the inferred ones ({})", where(id),
                       inferred.empty() ? "none" : inferred[0].text());
    } catch (const UserError& error) {
      internal_error("{}: {}", where(id), error.what());
    }
  }

  void check_random_key(NodeId id, const OpDef& def) {
    const Node& node = graph_[id];
    const AttrValue* p = node.attrs.find("p");
    const bool draws = p == nullptr || std::get<double>(*p) > 0;
    if (!def.has(Trait::random) || !draws || runs_again(node)) return;
    if (!keys_.insert(node.attrs.key("rng_key")).second)
      internal_error("{}: its rng_key is used by another op", where(id));
  }

  void check_interface_name(NodeId id) {
    const std::string& name = graph_[id].attrs.string("name");
    internal_check(valid_name(name) && interface_names_.insert(name).second,
                   "{}: '{}' is not a new, valid name for an input or state", graph_.name(), name);
    if (module_ == nullptr || graph_[id].kind != OpKind::state) return;
    const State* state = module_->find_state(name);
    if (state == nullptr || state->type != graph_.type({id, 0}))
      internal_error("{}: state '{}' is not declared with type {}", graph_.name(), name,
                     graph_.type({id, 0}).text());
  }

  void check_update(const Update& update) {
    if (!exists(update.value)) reject_value("update of " + update.state);
    internal_check(updated_.insert(update.state).second, "{}: state '{}' is updated twice",
                   graph_.name(), update.state);
    if (module_ == nullptr) return;
    const State* state = module_->find_state(update.state);
    if (state == nullptr || state->type != graph_.type(update.value))
      internal_error("{}: the update of '{}' has type {}, which is not the state's", graph_.name(),
                     update.state, graph_.type(update.value).text());
  }

  const Graph& graph_;
  const Module* module_;
  std::set<std::string> interface_names_, output_names_, updated_;
  Keys& keys_;
};

}  // namespace

void verify(const Graph& graph, const Module* module) {
  Keys keys;
  Verifier(graph, module, keys).run();
}

void verify(const Module& module) {
  internal_check(valid_word(module.name()), "module '{}': its name is not valid", module.name());
  for (const State& state : module.states()) {
    internal_check(valid_name(state.name), "module {}: '{}' is not a valid state name",
                   module.name(), state.name);
    internal_check(valid_type(state.type),
                   "module {}: state '{}': sizes must be at least 1 and the bytes fit 63 bits, but "
                   "got {}",
                   module.name(), state.name, state.type.text());
    internal_check(std::isfinite(state.init.a) && std::isfinite(state.init.b),
                   "module {}: state '{}' does not start with numbers", module.name(), state.name);
    internal_check(state.origin.scope.empty() || valid_word(state.origin.scope),
                   "module {}: the scope '{}' of state '{}' is not letters, digits and _ . /",
                   module.name(), state.origin.scope, state.name);
  }
  for (const Graph& graph : module.graphs()) verify(graph, &module);
}

void verify_text(const Module& module) {
  const std::string text = print(module);
  const Module again = parse(text, "printed " + module.name());
  internal_check(equal(module, again), "module {}: its text parses to another module",
                 module.name());
}

}  // namespace gptc::ir
