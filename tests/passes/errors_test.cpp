// tests/errors/NAME.ir must be refused with the text of its first line, `# expect: …`, as the
// user's fault. The graph lowered is train, unless a second line `# graph: …` names another.
#include <gtest/gtest.h>

#include "ir/check.h"
#include "ir/parse.h"
#include "passes/compile.h"
#include "tests/passes/support.h"

namespace gptc::testing {
namespace {

/// The rest of the line that begins so, or "".
std::string directive(const std::string& text, const std::string& head) {
  const std::size_t at = text.find(head);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + head.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

class Refused : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Refused, WithTheExpectedText) {
  const std::string text = read_text(GetParam());
  const std::string expected = directive(text, "# expect: ");
  ASSERT_TRUE(text.starts_with("# expect: ") && !expected.empty());
  const std::string graph = directive(text, "# graph: ");
  try {
    ir::Module module = ir::parse(text, GetParam().filename().string());
    passes::lower(module, {.graph = graph.empty() ? "train" : graph, .sizes = {{'B', 2}, {'T', 4}}},
                  {});
    FAIL() << "it was accepted";
  } catch (const ir::UserError& error) {
    const std::string got = error.what();
    EXPECT_NE(got.find(expected), std::string::npos) << got;
    EXPECT_EQ(got.find('\n'), std::string::npos) << "more than one line: " << got;
  }
}

std::string test_name(const ::testing::TestParamInfo<std::filesystem::path>& info) {
  return info.param.stem().string();
}

INSTANTIATE_TEST_SUITE_P(Errors, Refused,
                         ::testing::ValuesIn(files_below(test_folder() / "errors", ".ir")),
                         test_name);

}  // namespace
}  // namespace gptc::testing
