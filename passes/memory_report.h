// What a planned run takes, and for what: a pure function of programs and their module.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/module.h"
#include "ir/program.h"
#include "passes/pass.h"

namespace gptc::passes {

/// The state block, in bytes; `padding` is what its alignment costs.
struct StateParts {
  std::int64_t parameters = 0;
  std::int64_t gradients = 0;  // sums over micro-batches
  std::int64_t moments = 0;    // adamw.m.*, adamw.v.*
  std::int64_t other = 0;
  std::int64_t padding = 0;

  std::int64_t total() const { return parameters + gradients + moments + other + padding; }
};

/// The arena at the node where most of it is in use, in bytes.
struct ArenaParts {
  std::int64_t gradients = 0;    // of parameters, that an optimizer's op reads
  std::int64_t activations = 0;  // all other values
  std::int64_t workspace = 0;    // the node's own scratch
  std::int64_t library = 0;      // the library's scratch for the node
  std::int64_t unused = 0;       // gaps between buffers

  std::int64_t total() const { return gradients + activations + workspace + library + unused; }
};

struct GraphMemory {
  std::size_t nodes = 0;
  std::int64_t arena_bytes = 0;
  std::int64_t lower_bound_bytes = 0;  // most bytes live at once under this schedule
  ir::NodeId peak;                     // where they are
  std::string peak_name;               // as --dump-ir=plan names its result, and its op
  std::string peak_scope;
  ArenaParts parts;

  double ratio() const;  // arena / lower bound
};

StateParts state_parts(const ir::Module& module);
GraphMemory graph_memory(const ir::Program& program, const PassContext& context);

}  // namespace gptc::passes
