// The models that gptc ships.
#pragma once

#include <vector>

#include "frontend/dsl/model.h"

namespace gptc::models {

std::vector<dsl::Model> shipped_models();

}  // namespace gptc::models
