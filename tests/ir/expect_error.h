// Expecting an error of a kind with a text in it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace gptc::testing {

/// What `action` throws, or "nothing was thrown"; another kind of exception escapes.
template <class Error, class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

inline ::testing::AssertionResult contains(std::string_view text, std::string_view part) {
  if (text.find(part) != std::string_view::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << part << "' is not in '" << text << "'";
}

}  // namespace gptc::testing
