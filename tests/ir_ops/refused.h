// Expecting a refusal.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "ir/check.h"
#include "tests/ir_ops/cases.h"

namespace gptc::testing {

/// Each case must raise a UserError `op: <results>…, but got …`.
inline void expect_refused(const std::vector<Case>& cases) {
  for (const Case& op_case : cases) {
    const std::string wanted = fmt::format("{}: {}", ir::op_def(op_case.op).name, op_case.results);
    try {
      const Made made = make(op_case);
      ADD_FAILURE() << wanted << "\n  was accepted as " << text_of((*made).results);
    } catch (const ir::UserError& error) {
      const std::string text = error.what();
      EXPECT_TRUE(text.starts_with(wanted) && text.find(", but got ") != std::string::npos)
          << "wanted " << wanted << "\n  got " << text;
    }
  }
}

}  // namespace gptc::testing
