// A config.json, as a flat JSON object and as Hugging Face's configuration of a model.
#include <algorithm>

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

/// GPT-2's settings; its forward pass has no part in this.
std::vector<dsl::Model> gpt2_alone() {
  const dsl::Exchange& exchange = models::gpt2_exchange();
  dsl::Model model{.name = exchange.base, .exchange = &exchange};
  for (const dsl::HubKey& key : exchange.hub.keys)
    if (!key.setting.empty()) model.config.set(key.setting, key.value);
  return {model};
}

void check_config(const formats::Document& file) {
  static const std::vector<dsl::Model> models = gpt2_alone();
  const dsl::Model& model = driver::hub_model(models, file, "input");
  const dsl::Config config = driver::read_hub_config(model, file, "input");
  const std::int64_t width = config.integer("n_embd");
  fuzzing::require(width >= 1 && width <= std::int64_t{1} << 20, "sizes are bounded");
  const formats::Document again = driver::hub_config(model.exchange->hub, config);
  fuzzing::require(driver::read_hub_config(model, again, "again") == config, "settings come back");
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
