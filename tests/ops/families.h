// All lists of cases.
#pragma once

#include <vector>

#include "tests/support/op_case.h"

namespace gptc::testing {

#define FAMILY(name)                         \
  const std::vector<OpCase>& name##_cases(); \
  const std::vector<Rejection>& name##_rejections();
#include "tests/ops/families.def"
#undef FAMILY

}  // namespace gptc::testing
