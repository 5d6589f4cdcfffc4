#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/output.h"

namespace gptc::driver {
namespace {

/// Where the tokenizer says how large the vocabulary is, there is no count yet.
std::optional<std::int64_t> count_of(const dsl::Model& model) {
  if (model.config.integer("vocab_size") == 0) return std::nullopt;
  return dsl::parameter_count(dsl::declare(model, model.config, 0));
}

nlohmann::ordered_json json_of(const dsl::Model& model) {
  nlohmann::ordered_json entry = {{"name", model.name}, {"summary", model.summary}};
  if (const auto count = count_of(model)) entry["parameters"] = *count;
  for (const auto& [name, value] : model.config)
    std::visit([&, key = name](const auto& v) { entry["settings"][key] = v; }, value);
  return entry;
}

std::string text_of(const dsl::Model& model) {
  const std::optional<std::int64_t> count = count_of(model);
  std::string text =
      fmt::format("{:<16} {:>13}  {}\n", model.name,
                  count ? fmt::format("{}", *count) : std::string("-"), model.summary);
  std::string settings;
  for (const auto& [name, value] : model.config)
    settings += fmt::format("{}{}={}", settings.empty() ? "" : " ", name, dsl::setting_text(value));
  return text + fmt::format("{:<16} {:>13}  {}\n", "", "", settings);
}

}  // namespace

void add_models(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("models", "List the models: name, parameters, settings");
  auto json = std::make_shared<bool>(false);
  sub->add_flag("--json", *json, "as JSON");
  sub->footer("Example:\n  gptc models");
  sub->callback([json, &program] {
    program.chosen = [json, &program] {
      nlohmann::ordered_json list = nlohmann::ordered_json::array();
      std::string text;
      for (const dsl::Model& model : program.models) {
        if (*json) list.push_back(json_of(model));
        if (!*json) text += text_of(model);
      }
      write_stdout(*json ? list.dump(2) + "\n" : text);
      return exit_code::done;
    };
  });
}

}  // namespace gptc::driver
