// Texts that are cut or changed at random: each is refused by a UserError, or is a valid module
// whose own text parses back.
#include <gtest/gtest.h>

#include <random>

#include "ir/check.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "tests/ir/samples.h"

namespace gptc::ir {
namespace {

enum class Fate { refused, accepted };

/// Lets every exception but a one-line UserError escape.
Fate fate_of(const std::string& text) {
  try {
    const Module module = parse(text, "mutant");
    verify(module);
    verify_text(module);
    for (const Graph& graph : module.graphs()) static_cast<void>(print_dot(graph));
    return Fate::accepted;
  } catch (const UserError& error) {
    const std::string_view line = error.what();
    EXPECT_TRUE(line.starts_with("mutant:")) << line << "\n" << text;
    EXPECT_EQ(line.find('\n'), std::string_view::npos) << line;
    return Fate::refused;
  }
}

Fate shown_fate(const std::string& text) {
  try {
    return fate_of(text);
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what() << "\n" << text;
    return Fate::refused;
  }
}

std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  for (const char c : text) {
    const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
    const bool more = word && !tokens.empty() &&
                      std::isalnum(static_cast<unsigned char>(tokens.back().back())) != 0;
    if (more) {
      tokens.back() += c;
    } else {
      tokens.emplace_back(1, c);
    }
  }
  return tokens;
}

std::string joined(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : engine_(seed) {}

  std::string bytes(std::string text) {
    for (std::size_t count = 1 + below(3); count > 0; --count) {
      const std::size_t at = below(text.size());
      switch (below(4)) {
        case 0:
          text.erase(at, 1 + below(8));
          break;
        case 1:
          text.insert(at, text.substr(below(text.size()), 1 + below(30)));
          break;
        case 2:
          text[at] = static_cast<char>(below(256));
          break;
        default:
          text[at] = "0123456789xBT%@{}()[],=:\"\\#.-"[below(30)];
      }
      if (text.empty()) return text;
    }
    return text;
  }

  std::string tokens(std::vector<std::string> list) {
    static const std::vector<std::string> others = {"0",
                                                    "-1",
                                                    "9223372036854775807",
                                                    "18446744073709551616",
                                                    "1e400",
                                                    "nan",
                                                    "inf",
                                                    "B",
                                                    "f32",
                                                    "i32",
                                                    "bf16",
                                                    "true",
                                                    "{",
                                                    "}",
                                                    "return",
                                                    "body",
                                                    "[]",
                                                    "neg",
                                                    "add",
                                                    "0x1",
                                                    "matmul",
                                                    "softmax",
                                                    "%0",
                                                    "update"};
    for (std::size_t count = 1 + below(2); count > 0; --count) {
      const std::size_t at = below(list.size());
      switch (below(4)) {
        case 0:
          list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 1:
          list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), list[below(list.size())]);
          break;
        case 2:
          list[at] = list[below(list.size())];
          break;
        default:
          list[at] = others[below(others.size())];
      }
    }
    return joined(list);
  }

 private:
  std::size_t below(std::size_t bound) { return engine_() % bound; }
  std::mt19937_64 engine_;
};

TEST(Mutants, EveryTruncationIsRefused) {
  const std::string text(testing::full_module);
  const std::size_t end = text.rfind('}');
  for (std::size_t length = 0; length <= end; length += 3) {
    EXPECT_EQ(shown_fate(text.substr(0, length)), Fate::refused) << length;
  }
}

TEST(Mutants, OfBytes) {
  std::size_t accepted = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const std::string text = Mutator(seed).bytes(std::string(testing::full_module));
    accepted += shown_fate(text) == Fate::accepted ? 1U : 0U;
  }
  EXPECT_GT(accepted, 20U);  // some changes are harmless: both ways are taken
}

TEST(Mutants, OfTokens) {
  const std::vector<std::string> list = tokens_of(testing::full_module);
  ASSERT_EQ(joined(list), testing::full_module);
  std::size_t accepted = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    accepted += shown_fate(Mutator(seed).tokens(list)) == Fate::accepted ? 1U : 0U;
  }
  EXPECT_GT(accepted, 50U);
}

}  // namespace
}  // namespace gptc::ir
