// Faults for the test of the test.
#pragma once

#include <vector>

#include "tests/fuzz/check.h"

namespace gptc::testing {

/// One row per kind of mistake a pass, a kernel choice or the planner could make.
const std::vector<Plant>& plants();

}  // namespace gptc::testing
