#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "ir/check.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/suggest.h"
#include "tools/driver/gptc.h"
#include "tools/driver/memory.h"

namespace gptc {
namespace {

namespace exit_code = driver::exit_code;

/// An empty list is no default worth showing.
void hide_empty_defaults(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_default_str() == "[]") option->default_str("");
  }
  for (CLI::App* sub : app.get_subcommands({})) hide_empty_defaults(*sub);
}

void declare_all(CLI::App& app, driver::Program& program) {
  app.set_version_flag("--version", "gptc " GPTC_VERSION);
  app.set_help_flag("--help,-h", "this text");
  app.option_defaults()->always_capture_default();
  app.require_subcommand(0, 1);
  driver::add_dump_ir(app, program);
  driver::add_train(app, program);
  driver::add_generate(app, program);
  driver::add_eval(app, program);
  driver::add_export(app, program);
  driver::add_quantize(app, program);
  driver::add_tokenizer(app, program);
  driver::add_bench(app, program);
  driver::add_models(app, program);
  driver::add_passes(app, program);
  driver::add_ops(app, program);
  driver::add_plan(app, program);
  driver::add_ir(app, program);
  hide_empty_defaults(app);
}

/// As CLI11 wants them, the last one first; in the names of options `_` means `-`.
std::vector<std::string> arguments(int argc, char** argv) {
  std::vector<std::string> all(argv + 1, argv + std::max(1, argc));
  for (std::string& argument : all) {
    if (!argument.starts_with("--")) continue;
    const std::size_t end = std::min(argument.find('='), argument.size());
    std::replace(argument.begin(), argument.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
  }
  std::reverse(all.begin(), all.end());
  return all;
}

/// An option that stands before a subcommand would have no effect there; "" if there is none.
std::string misplaced_option(const CLI::App& app) {
  if (app.get_subcommands().empty()) return "";
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0) return option->get_name();
  }
  return "";
}

/// The subcommand the command line got to.
const CLI::App& deepest(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : deepest(*parsed.front());
}

/// One line: what is wrong, the nearest name where one is unknown, where to read more.
int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& where = deepest(app);
  std::string hint;
  for (const std::string& word : where.remaining()) {
    const std::string name =
        driver::nearest(word.substr(0, word.find('=')), driver::names_of(where));
    if (hint.empty() && !name.empty()) hint = fmt::format("; did you mean {}?", name);
  }
  std::string text = error.what();
  for (char& c : text) c = c == '\n' ? ' ' : c;
  fmt::print(stderr, "gptc: usage: {}{} (see gptc {}{}--help)\n", text, hint,
             &where == &app ? "" : where.get_name(), &where == &app ? "" : " ");
  return exit_code::usage;
}

int failed(const char* what) {
  fmt::print(stderr, "gptc: error: {}\n", what);
  return exit_code::failed;
}

int parse_and_run(int argc, char** argv, std::vector<dsl::Model> models) {
  driver::Program program{std::move(models), {}};
  CLI::App app("A graph compiler for GPT-2: declare a model's forward pass, train it, run it",
               "gptc");
  declare_all(app, program);
  try {
    app.parse(arguments(argc, argv));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return usage_error(app, error);
  }
  if (const std::string misplaced = misplaced_option(app); !misplaced.empty()) {
    fmt::print(stderr, "gptc: usage: {} must stand behind the subcommand\n", misplaced);
    return exit_code::usage;
  }
  if (!program.chosen) {
    fmt::print(stderr, "{}", app.help());
    return exit_code::usage;
  }
  return program.chosen();
}

}  // namespace

int main(int argc, char** argv, std::vector<dsl::Model> models) {
  driver::own_memory_at_start();
  try {
    return parse_and_run(argc, argv, std::move(models));
  } catch (const std::bad_alloc&) {
    return failed("the memory of this machine is used up; take a smaller batch, context or model");
  } catch (const std::exception& error) {
    return failed(error.what());
  }
}

}  // namespace gptc
