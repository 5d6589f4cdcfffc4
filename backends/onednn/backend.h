// The fast backend: oneDNN's matmuls, our own fused and vectorised kernels around them.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace gptc::onednn {

struct Options {
  int threads = 0;  // 0: all there are
};

/// Executables it compiles are `onednn::ProgramExecutable` (executable.h).
std::unique_ptr<runtime::Backend> make_backend(Options options = {});

}  // namespace gptc::onednn
