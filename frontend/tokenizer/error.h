#pragma once

#include <stdexcept>

namespace gptc::tokenizer {

/// Something the user gave is wrong. The message is one complete line: where, which rule, what to
/// do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace gptc::tokenizer
