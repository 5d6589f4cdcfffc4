#pragma once

#include <stdexcept>

namespace gptc::data {

/// Data that cannot be used. The message is complete and one line: file or amount, rule, value,
/// what to do.
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace gptc::data
