// The oracle as a backend, for whole programs and `--backend reference`.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace gptc::reference {

enum class Precision { f32, f64 };

/// `precision` is what every float type is computed in.
struct BackendOptions {
  Precision precision = Precision::f32;
};

/// Supports every op. Executables ignore the arena and the plan: values lie on the heap, states in
/// the store between runs.
std::unique_ptr<runtime::Backend> make_backend(BackendOptions options = {});

}  // namespace gptc::reference
