#include "models/registry.h"

#include "models/char_mlp.h"
#include "models/gpt2.h"

namespace gptc::models {

std::vector<dsl::Model> shipped_models() {
  std::vector<dsl::Model> models = gpt2_models();
  models.push_back(char_mlp_model());
  return models;
}

}  // namespace gptc::models
