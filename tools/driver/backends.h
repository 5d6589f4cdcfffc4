// Backends by the name the command line gives them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "passes/pass.h"

namespace gptc::driver {

/// onednn (the fast one, the default) and reference (obvious loops in f32, slow).
const std::vector<std::string>& backend_names();

/// `threads` 0: all there are. UserError for an unknown name.
std::unique_ptr<runtime::Backend> make_backend(std::string_view name, int threads);

/// What passes ask of this backend, which must outlive the result.
passes::PassContext pass_context(const runtime::Backend& backend);

/// Backend::allocated_bytes of a backend that outlives the result.
std::function<std::int64_t(const ir::Graph&)> allocated_bytes(const runtime::Backend& backend);

}  // namespace gptc::driver
