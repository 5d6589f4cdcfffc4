// Reads the text form of ir/print.h. Its input is untrusted.
#pragma once

#include <string_view>

#include "ir/module.h"

namespace gptc::ir {

/// A module, or a lone graph as a module of one. UserError `file:line:column: rule, but got …`;
/// types are inferred again and compared with those written.
Module parse(std::string_view text, std::string_view file = "<text>");

}  // namespace gptc::ir
