// The modes an op case is run in.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "ir/op_def.h"
#include "tests/support/op_case.h"
#include "tests/support/random_values.h"

namespace gptc::testing {

using BackendFactory = std::function<std::unique_ptr<runtime::Backend>(int threads)>;

/// Inferred types are those the case names; graph and text are valid; the results say something.
Failures check_inference(const OpCase& op_case);

/// The reference's own loop equals `decompose`, in f64, to NMSE 1e-20.
Failures check_decomposition(const OpCase& op_case, ir::DecomposeFn decompose);

/// The backend equals the reference: exactly on integers, on reals to the case's NMSE against f64;
/// 1 and 2 threads and a run in place give the same bits; nothing else is written.
Failures check_backend(const OpCase& op_case, const BackendFactory& make, Filling filling);

/// The row refuses with `op: rule, but got value`.
Failures check_rejection(const Rejection& rejection);

struct ModeRun {
  std::string mode;
  const OpCase* op_case;
  std::function<Failures()> check;
};
void PrintTo(const ModeRun& run, std::ostream* out);

/// Every mode that applies: inference; decomposition where the row has one for this case; gradient
/// where it has a vjp and nothing is bf16; the backend where it has a kernel. The cases must
/// outlive the result.
std::vector<ModeRun> modes_of(const std::vector<OpCase>& cases, const BackendFactory& make);

}  // namespace gptc::testing
