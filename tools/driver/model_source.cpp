#include "tools/driver/model_source.h"

#include <algorithm>

#include "frontend/formats/error.h"
#include "frontend/formats/json_file.h"
#include "ir/check.h"
#include "tools/driver/hub_config.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/weights.h"

namespace gptc::driver {
namespace {

namespace fs = std::filesystem;

/// The key that says how a folder's weights are stored.
constexpr std::string_view weights_key = "gptc_weights";

std::string names_of(const std::vector<dsl::Model>& models) {
  std::string names;
  for (const dsl::Model& model : models) names += (names.empty() ? "" : ", ") + model.name;
  return names;
}

const dsl::Model* find(const std::vector<dsl::Model>& models, const std::string& name) {
  const auto found = std::ranges::find(models, name, &dsl::Model::name);
  return found == models.end() ? nullptr : &*found;
}

dsl::Setting read_setting(const formats::Document& file, const std::string& key,
                          const dsl::Setting& like) {
  if (std::holds_alternative<bool>(like)) return file.get_bool(key);
  if (std::holds_alternative<std::int64_t>(like)) return file.get_int(key);
  if (std::holds_alternative<double>(like)) return file.get_double(key);
  return file.get_string(key);
}

/// The forms that a folder's weights may have of their own.
passes::WeightStore read_store(const formats::Document& file, const std::string& path) {
  const std::string name = file.get_string(weights_key);
  const std::optional<passes::WeightStore> store = find_store(name);
  ir::user_check(store && *store != passes::WeightStore::f32,
                 "{}: {} must be bf16, int8 or int4, but is {}", path, weights_key,
                 formats::in_quotes(name));
  return *store;
}

ModelSource load_run_config(const std::vector<dsl::Model>& models, const fs::path& folder,
                            const formats::Document& file, const std::string& path) {
  const std::string name = file.get_string("gptc_model");
  const dsl::Model* model = find(models, name);
  ir::user_check(model != nullptr,
                 "{}: gptc_model must be a model of this program ({}), but is '{}'", path,
                 names_of(models), name);
  ModelSource source{*model, model->config, file.get_uint("gptc_seed"), folder};
  for (const auto& [key, value] : model->config) {
    const bool may_lack = std::ranges::find(model->newer, key) != model->newer.end();
    if (!may_lack || file.has(key)) source.config.set(key, read_setting(file, key, value));
  }
  if (file.has(weights_key)) source.stored = read_store(file, path);
  for (const std::string& key : file.keys()) {
    ir::user_check(key.starts_with("gptc_") || source.config.contains(key),
                   "{}: every key must be a setting of {}, but '{}' is not", path, name, key);
  }
  return source;
}

/// The model of the program that reads folders of the file's kind.
const dsl::Model& hub_model(const std::vector<dsl::Model>& models, const formats::Document& file,
                            const std::string& path) {
  const std::string type = file.get_string(hub_type_key);
  std::string known;
  for (const dsl::Model& model : models) {
    if (model.exchange == nullptr || model.exchange->base != model.name) continue;
    if (model.exchange->hub.model_type == type) return model;
    known += (known.empty() ? "" : ", ") + model.exchange->hub.model_type;
  }
  ir::user_error("{}: {} must be a kind of model that this program reads ({}), but is {}", path,
                 hub_type_key, known.empty() ? "there are none" : known, formats::in_quotes(type));
}

ModelSource load_config(const std::vector<dsl::Model>& models, const fs::path& folder) {
  const std::string path = (folder / "config.json").string();
  const formats::Document file = formats::Document::open(path);
  if (!file.has(hub_type_key)) return load_run_config(models, folder, file, path);
  const dsl::Model& model = hub_model(models, file, path);
  const dsl::Config config = read_hub_config(model.exchange->hub, model.config, file, path);
  check_hub_tensors(model.exchange->hub, config, folder);
  return {.model = model, .config = config, .folder = folder, .exchange = model.exchange};
}

}  // namespace

ModelSource find_model(const std::vector<dsl::Model>& models, const std::string& name_or_folder) {
  if (const dsl::Model* model = find(models, name_or_folder))
    return {.model = *model, .config = model->config, .folder = std::nullopt};
  std::error_code ignored;
  ir::user_check(fs::is_directory(name_or_folder, ignored),
                 "model '{}': it must be one of {}, or a folder that training or Hugging Face's "
                 "programs wrote",
                 name_or_folder, names_of(models));
  ir::user_check(fs::exists(fs::path(name_or_folder) / "config.json", ignored),
                 "model '{}': the folder must have a config.json, but has none", name_or_folder);
  return load_config(models, name_or_folder);
}

void save_config(const ModelSource& source, const fs::path& folder) {
  const std::string path = (folder / "config.json").string();
  formats::Document file(path);
  file.set_string("gptc_model", source.model.name);
  file.set_uint("gptc_seed", source.seed);
  if (source.stored) file.set_string(weights_key, std::string(store_name(*source.stored)));
  for (const auto& [key, value] : source.config) {
    if (const auto* flag = std::get_if<bool>(&value)) file.set_bool(key, *flag);
    if (const auto* whole = std::get_if<std::int64_t>(&value)) file.set_int(key, *whole);
    if (const auto* real = std::get_if<double>(&value)) file.set_double(key, *real);
    if (const auto* text = std::get_if<std::string>(&value)) file.set_string(key, *text);
  }
  file.save(path);
}

void apply_setting(dsl::Config& config, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  ir::user_check(equals != std::string_view::npos && equals > 0,
                 "--set: it must be name=value, but got '{}'", assignment);
  config.set_from_text(assignment.substr(0, equals), assignment.substr(equals + 1));
}

void set_dropout(const dsl::Model& model, dsl::Config& config, double p) {
  ir::user_check(p >= 0 && p < 1, "--dropout: it must be at least 0 and below 1, but got {}", p);
  bool any = false;
  for (const auto& [key, value] : model.config) {
    if (!key.ends_with("dropout")) continue;
    config.set(key, p);
    any = true;
  }
  ir::user_check(any,
                 "--dropout: model {} must have a setting that ends in 'dropout', but has none",
                 model.name);
}

void settle_vocabulary(ModelSource& source, std::int64_t tokenizer_size) {
  const std::int64_t wanted = source.config.integer("vocab_size");
  if (wanted == 0) source.config.set("vocab_size", tokenizer_size);
  ir::user_check(wanted == 0 || wanted == tokenizer_size,
                 "model {}: its vocabulary has {} tokens, but the tokenizer has {}; give the "
                 "tokenizer the model was made for, or --set vocab_size={}",
                 source.model.name, wanted, tokenizer_size, tokenizer_size);
}

}  // namespace gptc::driver
