#include "ir/parse.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "ir/builder.h"
#include "ir/op_def.h"
#include "ir/text_cursor.h"
#include "ir/verify.h"

namespace gptc::ir {
namespace {

constexpr int max_body_depth = 4;

class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : in_(text, file), file_(file) {}

  Module run() {
    Module module(in_.peek("module") ? module_head() : "module");
    if (braced_) {
      while (in_.accept("state")) module.add_state(state(module));
      while (!in_.accept("}")) add_graph(module);
    } else {
      add_graph(module);
    }
    if (!in_.at_end()) in_.fail("nothing may follow");
    try {
      verify(module);
    } catch (const InternalError& error) {
      in_.fail_with(error.detail());
    }
    return module;
  }

 private:
  using Names = std::unordered_map<std::string, Value>;

  std::string module_head() {
    in_.expect("module");
    std::string name = in_.sigil_word('@', "name of the module");
    in_.expect("{");
    braced_ = true;
    return name;
  }

  void add_graph(Module& module) {
    in_.expect("graph");
    Graph graph(in_.sigil_word('@', "name of the graph"));
    if (module.find_graph(graph.name()) != nullptr) in_.fail_with("a graph's name must be new");
    body(graph, &module, 0);
    module.add_graph(std::move(graph));
  }

  Shape shape(const std::string& raw) {
    std::vector<Dim> dims;
    for (std::size_t at = 0; at < raw.size();) {
      const std::size_t end = std::min(raw.find('x', at), raw.size());
      const std::string_view part(raw.data() + at, end - at);
      std::int64_t size = -1;
      const auto [last, error] = std::from_chars(part.data(), part.data() + part.size(), size);
      const bool number = error == std::errc{} && last == part.data() + part.size() && size >= 0;
      const bool named = part.size() == 1 && part[0] >= 'A' && part[0] <= 'Z';
      if (!number && !named)
        in_.fail_with(
            fmt::format("a shape is sizes or capital letters joined by x, but got [{}]", raw));
      dims.push_back(named ? Dim::named(part[0]) : Dim(size));
      if (end + 1 == raw.size())
        in_.fail_with(fmt::format("a shape may not end with x, but got [{}]", raw));
      at = end + 1;
    }
    return Shape(std::move(dims));
  }

  Type type() {
    const std::string name = in_.word("an element type");
    const auto dtype = parse_dtype(name);
    if (!dtype)
      in_.fail_with(
          fmt::format("an element type is f64, f32, bf16, i64, i32 or i8, but got '{}'", name));
    in_.expect("[");
    return {*dtype, shape(in_.until(']', "a shape"))};
  }

  Origin origin() {
    Origin origin;
    if (in_.peek("@")) origin.scope = in_.sigil_word('@', "scope");
    if (in_.accept("loc")) {
      in_.expect("(");
      origin.file = in_.quoted();
      in_.expect(":");
      const std::int64_t line = in_.integer();
      if (line < 1 || line > 1'000'000'000) in_.fail_with("a line number must be at least 1");
      origin.line = static_cast<int>(line);
      in_.expect(")");
    }
    return origin;
  }

  State state(const Module& module) {
    State state{.name = in_.sigil_word('%', "name of the state")};
    if (module.find_state(state.name) != nullptr) in_.fail_with("a state's name must be new");
    in_.expect(":");
    state.type = type();
    in_.expect("{");
    in_.expect("init");
    in_.expect("=");
    state.init = init();
    while (in_.accept(",")) {
      if (in_.accept("train")) {
        state.train = true;
      } else if (in_.accept("decay")) {
        state.decay = true;
      } else {
        in_.fail("train or decay must come here");
      }
    }
    in_.expect("}");
    state.origin = origin();
    return state;
  }

  Init init() {
    Init init;
    if (in_.accept("constant")) {
      in_.expect("(");
      init.a = in_.real();
    } else {
      init.kind = in_.accept("normal") ? Init::Kind::normal : Init::Kind::uniform;
      if (init.kind == Init::Kind::uniform && !in_.accept("uniform")) {
        in_.fail("constant, normal or uniform must come here");
      }
      in_.expect("(");
      init.a = in_.real();
      in_.expect(",");
      init.b = in_.real();
    }
    in_.expect(")");
    return init;
  }

  /// (arguments) { nodes, updates, return }
  void body(Graph& graph, const Module* module, int depth) {
    Names names;
    in_.expect("(");
    while (!in_.accept(")")) {
      if (!graph.inputs().empty()) in_.expect(",");
      const std::string name = in_.sigil_word('%', "name of an argument");
      in_.expect(":");
      if (names.contains(name))
        in_.fail_with(fmt::format("an argument's name must be new, but got %{}", name));
      names.emplace(name, graph.add_input(name, type()));
    }
    in_.expect("{");
    while (!in_.peek("return")) {
      if (in_.accept("update")) {
        const std::string target = in_.sigil_word('%', "name of a state");
        in_.expect("=");
        graph.updates().push_back({target, value(graph, module, names)});
      } else {
        node(graph, module, names, depth);
      }
    }
    in_.expect("return");
    while (!in_.accept("}")) {
      if (!graph.outputs().empty()) in_.expect(",");
      std::string name = in_.word("name of an output");
      in_.expect("=");
      graph.outputs().push_back({std::move(name), value(graph, module, names)});
    }
  }

  Value value(Graph& graph, const Module* module, const Names& names) {
    const std::string name = in_.sigil_word('%', "value");
    if (const auto found = names.find(name); found != names.end()) return found->second;
    const State* state = module == nullptr ? nullptr : module->find_state(name);
    if (state == nullptr)
      in_.fail_with(fmt::format("a value must be defined before it is used, but got %{}", name));
    return graph.state(name, state->type);
  }

  void node(Graph& graph, const Module* module, Names& names, int depth) {
    std::vector<std::string> results;
    do {
      results.push_back(in_.sigil_word('%', "result"));
    } while (in_.accept(","));
    in_.expect("=");
    const std::string op = in_.word("an op");
    const auto kind = find_op(op);
    if (!kind) in_.fail_with(fmt::format("an op must be one of `gptc ops`, but got '{}'", op));
    std::vector<Value> operands;
    in_.expect("(");
    while (!in_.accept(")")) {
      if (!operands.empty()) in_.expect(",");
      operands.push_back(value(graph, module, names));
    }
    Attrs attrs = in_.accept("{") ? attributes(op_def(*kind)) : Attrs{};
    in_.expect(":");
    std::vector<Type> types;
    do {
      types.push_back(type());
    } while (in_.accept(","));
    std::shared_ptr<Graph> inner;
    if (in_.accept("{")) {
      if (depth == max_body_depth) in_.fail_with("bodies may not nest this deep");
      in_.expect("body");
      inner = std::make_shared<Graph>("body");
      body(*inner, nullptr, depth + 1);
      in_.expect("}");
    }
    const NodeId id = build(graph, *kind, std::move(operands), std::move(attrs), std::move(inner));
    define(graph, id, results, types, names);
  }

  NodeId build(Graph& graph, OpKind kind, std::vector<Value> operands, Attrs attrs,
               std::shared_ptr<const Graph> inner) {
    Builder builder(graph);
    builder.set_origin(origin());
    if (kind == OpKind::input || kind == OpKind::state) {
      in_.fail_with("inputs and states are not written as ops");
    }
    try {
      return builder.node(kind, std::move(operands), std::move(attrs), std::move(inner));
    } catch (const UserError& error) {
      in_.fail_with(error.what());
    }
  }

  void define(const Graph& graph, NodeId id, const std::vector<std::string>& results,
              const std::vector<Type>& types, Names& names) {
    const std::vector<Type>& inferred = graph[id].results;
    if (results.size() != inferred.size() || types.size() != inferred.size()) {
      in_.fail_with(fmt::format("{} has {} results, but got {} names and {} types",
                                op_def(graph[id]).name, inferred.size(), results.size(),
                                types.size()));
    }
    for (std::uint32_t i = 0; i < results.size(); ++i) {
      if (types[i] != inferred[i]) {
        in_.fail_with(fmt::format("result %{} of {} must have type {}, but got {}", results[i],
                                  op_def(graph[id]).name, inferred[i].text(), types[i].text()));
      }
      if (!names.emplace(results[i], Value{id, i}).second) {
        in_.fail_with(fmt::format("a result's name must be new, but got %{}", results[i]));
      }
    }
  }

  Attrs attributes(const OpDef& def) {
    Attrs attrs;
    do {
      const std::string name = in_.word("an attribute's name");
      const auto spec = std::find_if(def.attributes.begin(), def.attributes.end(),
                                     [&](const AttrSpec& s) { return s.name == name; });
      if (spec == def.attributes.end())
        in_.fail_with(fmt::format("{} has no attribute '{}'", def.name, name));
      if (attrs.find(name) != nullptr)
        in_.fail_with(fmt::format("attribute '{}' is given twice", name));
      in_.expect("=");
      attrs.set(name, attribute(spec->kind));
    } while (in_.accept(","));
    in_.expect("}");
    return attrs;
  }

  template <class T, class Read>
  std::vector<T> list(Read read) {
    std::vector<T> values;
    in_.expect("[");
    while (!in_.accept("]")) {
      if (!values.empty()) in_.expect(",");
      values.push_back(read());
    }
    return values;
  }

  AttrValue attribute(AttrKind kind) {
    switch (kind) {
      case AttrKind::boolean:
        if (in_.accept("true")) return true;
        in_.expect("false");
        return false;
      case AttrKind::integer:
        return in_.integer();
      case AttrKind::key:
        return in_.key();
      case AttrKind::real:
        return in_.real();
      case AttrKind::string:
        return in_.quoted();
      case AttrKind::ints:
        return list<std::int64_t>([&] { return in_.integer(); });
      case AttrKind::strings:
        return list<std::string>([&] { return in_.quoted(); });
      case AttrKind::shape:
        in_.expect("[");
        return shape(in_.until(']', "a shape"));
      case AttrKind::dtype: {
        const auto dtype = parse_dtype(in_.word("an element type"));
        if (!dtype) in_.fail("an element type must come here");
        return *dtype;
      }
    }
    internal_error("an unknown kind of attribute");
  }

  TextCursor in_;
  std::string file_;
  bool braced_ = false;
};

}  // namespace

Module parse(std::string_view text, std::string_view file) { return Parser(text, file).run(); }

}  // namespace gptc::ir
