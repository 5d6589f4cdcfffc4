// A config.json, as a flat JSON object and as Hugging Face's configuration of a model.
#include "frontend/formats/error.h"
#include "frontend/formats/json_file.h"
#include "ir/check.h"
#include "models/gpt2_exchange.h"
#include "tests/fuzz/targets/require.h"
#include "tools/driver/hub_config.h"

using namespace gptc;

namespace {

/// What to_text writes reads back with the same keys; nested values cannot be written.
void check_again(const formats::Document& file) {
  try {
    const std::string text = file.to_text();
    fuzzing::require(formats::Document::parse(text, "again").keys() == file.keys(),
                     "every key comes back");
  } catch (const formats::Error&) {
    return;
  }
}

/// GPT-2's settings, as transformers has them where a file says nothing.
dsl::Config usual_settings(const dsl::HubForm& form) {
  dsl::Config config;
  for (const dsl::HubKey& key : form.keys)
    if (!key.setting.empty()) config.set(key.setting, key.value);
  return config;
}

void check_config(const formats::Document& file) {
  const dsl::HubForm& form = models::gpt2_exchange().hub;
  static const dsl::Config usual = usual_settings(form);
  const dsl::Config config = driver::read_hub_config(form, usual, file, "input");
  const std::int64_t width = config.integer("n_embd");
  fuzzing::require(width >= 1 && width <= std::int64_t{1} << 20, "sizes are bounded");
  const formats::Document again = driver::hub_config(form, config);
  fuzzing::require(driver::read_hub_config(form, usual, again, "again") == config,
                   "settings come back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = formats::Document::parse(fuzzing::text_of(data, size), "input");
    check_again(file);
    check_config(file);
  } catch (const formats::Error&) {  // the file is damaged, and said so
  } catch (const ir::UserError&) {   // it is of a model that this program does not compute
  }
  return 0;
}
