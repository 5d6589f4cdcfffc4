// A folder with text, a learned tokenizer and a tiny trained run, made once for all tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/formats/temp_folder.h"

namespace gptc::testing {

class CliTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  static std::string path(const std::string& name) { return shared_->file(name); }
  /// Arguments that train a tiny GPT-2 into `out`.
  static std::vector<std::string> training(const std::string& out,
                                           const std::vector<std::string>& more = {});
  /// Exit code 1 and exactly one line `gptc: error: …` that contains every part.
  static void expect_error(const std::vector<std::string>& arguments,
                           const std::vector<std::string>& parts,
                           const ProgramOptions& options = {});
  static ProgramResult expect_success(const std::vector<std::string>& arguments,
                                      const ProgramOptions& options = {});

 private:
  static TempFolder* shared_;
};

}  // namespace gptc::testing
