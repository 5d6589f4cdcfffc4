// One node on the fast backend against the oracle in f64.
#pragma once

#include "tests/support/op_case.h"

namespace gptc::testing {

/// Fails the current test unless the backend has a kernel for the node, its results are the
/// oracle's to the case's NMSE, and 1 thread, 3 threads and a run in place give the same bits with
/// nothing else written. `results` of the case is not looked at.
void check_rows(const OpCase& op_case);

}  // namespace gptc::testing
