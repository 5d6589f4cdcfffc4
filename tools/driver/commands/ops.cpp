#include <fmt/format.h>

#include <memory>

#include "ir/check.h"
#include "ir/op_def.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/commands/suggest.h"

namespace gptc::driver {
namespace {

std::string operands_text(const ir::OpDef& def) {
  std::string text;
  for (const ir::OperandSpec& operand : def.operands) {
    text += text.empty() ? "" : ", ";
    text += operand.name;
    if (operand.arity == ir::Arity::optional) text += '?';
    if (operand.arity == ir::Arity::variadic) text += "...";
  }
  return text;
}

std::string line_of(const ir::OpDef& def) { return fmt::format("{:<26} {}\n", def.name, def.doc); }

std::string traits_text(const ir::OpDef& def) {
  using ir::Trait;
  const std::pair<Trait, const char*> names[] = {{Trait::elementwise, "elementwise"},
                                                 {Trait::row_local, "row-local"},
                                                 {Trait::commutative, "commutative"},
                                                 {Trait::random, "random"},
                                                 {Trait::view, "view"},
                                                 {Trait::cheap, "cheap"},
                                                 {Trait::source, "source"},
                                                 {Trait::broadcasts, "broadcasts"}};
  std::string text;
  for (const auto& [trait, name] : names) {
    if (def.has(trait)) text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
  }
  return text.empty() ? "none" : text;
}

std::string detail_of(const ir::OpDef& def) {
  std::string text = fmt::format("{}({})\n  {}\n", def.name, operands_text(def), def.doc);
  for (const ir::AttrSpec& attr : def.attributes) {
    const std::string fallback =
        attr.fallback ? fmt::format(" (default {})", ir::attr_text(*attr.fallback)) : "";
    text += fmt::format("  {}: {}{}\n", attr.name, attr.doc, fallback);
  }
  text += fmt::format("  traits: {}\n", traits_text(def));
  text += fmt::format("  gradient: {}\n", def.vjp != nullptr ? "yes" : "none");
  text += fmt::format("  made of other ops: {}\n", def.decompose != nullptr ? "yes" : "no, core");
  return text;
}

std::string text_of(const std::string& name) {
  if (!name.empty()) {
    std::vector<std::string> names;
    for (const ir::OpKind kind : ir::all_ops()) names.emplace_back(ir::op_def(kind).name);
    const std::optional<ir::OpKind> kind = ir::find_op(name);
    const std::string near = nearest(name, names);
    ir::user_check(kind.has_value(), "ops: there is no op '{}'{}", name,
                   near.empty() ? "" : fmt::format("; did you mean {}?", near));
    return detail_of(ir::op_def(*kind));
  }
  std::string text;
  for (const ir::OpKind kind : ir::all_ops()) text += line_of(ir::op_def(kind));
  return text;
}

}  // namespace

void add_ops(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("ops", "List the operations of the IR, or explain one");
  auto name = std::make_shared<std::string>();
  sub->add_option("name", *name, "an op");
  sub->footer("Example:\n  gptc ops layer_norm");
  sub->callback([name, &program] {
    program.chosen = [name] {
      write_stdout(text_of(*name));
      return exit_code::done;
    };
  });
}

}  // namespace gptc::driver
