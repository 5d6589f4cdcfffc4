// A row's vjp against central finite differences of the reference, in f64.
#pragma once

#include "ir/op_def.h"
#include "tests/support/op_case.h"

namespace gptc::testing {

/// With L = Σ dr · r for random dr: dL/da from `vjp` must equal (L(a + h d) - L(a - h d)) / 2h
/// along random directions of every operand and along some of its axes; a gradient that should flow
/// must not be all zeros, one declared zero must be.
Failures check_gradient(const OpCase& op_case, ir::VjpFn vjp);

}  // namespace gptc::testing
