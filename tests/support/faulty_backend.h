// A slow backend that keeps to a plan, and breaks it in one chosen way: proof that the checks bite.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace gptc::testing {

enum class Fault : std::uint8_t {
  none,                // passes every check
  wrong_element,       // the last element of a result is a little off
  skips_last_element,  // a tail that is never written
  writes_behind,       // one byte behind a result
  spoils_operand,      // one byte of the first operand
  clears_first,        // writes results before it has read operands: wrong in place only
  depends_on_threads,  // another last bit with two threads
  keeps_old_results    // another last bit in the second run
};

std::unique_ptr<runtime::Backend> make_faulty_backend(Fault fault, int threads);

}  // namespace gptc::testing
