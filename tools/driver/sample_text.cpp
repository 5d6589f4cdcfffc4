#include "tools/driver/sample_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace gptc::driver {
namespace {

/// Indices below `count`, the i-th about 1/(i+1) as often as the first. mt19937_64 alone is the
/// same on every system; the library's distributions are not.
class Zipf {
 public:
  explicit Zipf(std::size_t count) : cumulative_(count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      cumulative_[i] = sum += 1.0 / static_cast<double>(i + 1);
    }
  }
  std::size_t operator()(std::mt19937_64& random) const {
    const double u = std::ldexp(static_cast<double>(random() >> 11), -53) * cumulative_.back();
    const auto at = std::lower_bound(cumulative_.begin(), cumulative_.end(), u);
    return std::min(static_cast<std::size_t>(at - cumulative_.begin()), cumulative_.size() - 1);
  }

 private:
  std::vector<double> cumulative_;
};

std::string utf8_of_three_bytes(std::uint32_t code_point) {
  return {static_cast<char>(0xE0 | code_point >> 12),
          static_cast<char>(0x80 | (code_point >> 6 & 0x3F)),
          static_cast<char>(0x80 | (code_point & 0x3F))};
}

/// A script's words, and what stands between words and at the ends of clauses and sentences.
struct Script {
  std::uint32_t first;
  std::uint32_t count;  // of characters from `first` on
  std::size_t words;
  std::string_view space;
  std::string_view comma;
  std::string_view stop;
};

std::vector<std::string> words_of(const Script& script, std::mt19937_64& random) {
  const Zipf characters(std::min<std::uint32_t>(script.count, 3000));
  // A step without a common divisor with the count, so that common characters lie far apart.
  const std::uint32_t step = 7919;
  std::vector<std::string> words(script.words);
  for (std::string& word : words) {
    for (std::uint64_t left = 1 + random() % 3; left > 0; --left) {
      const auto rank = static_cast<std::uint32_t>(characters(random));
      word += utf8_of_three_bytes(script.first + rank * step % script.count);
    }
  }
  return words;
}

void add_lines(std::string& text, std::size_t bytes, const Script& script,
               std::mt19937_64& random) {
  const std::vector<std::string> words = words_of(script, random);
  const Zipf choose(words.size());
  const std::size_t end = text.size() + bytes;
  while (text.size() < end) {
    for (std::uint64_t clauses = 2 + random() % 8; clauses > 0; --clauses) {
      for (std::uint64_t left = 3 + random() % 8; left > 0; --left) {
        text += words[choose(random)];
        if (left > 1) text += script.space;
      }
      text += clauses % 3 == 1 ? script.stop : script.comma;
    }
    text += '\n';
  }
}

/// Writes source code statement by statement.
class CodeWriter {
 public:
  explicit CodeWriter(std::size_t bytes) : bytes_(bytes), choose_(kNames) {
    static constexpr std::string_view kParts[] = {
        "node",  "count", "index", "buffer", "size",  "next", "left", "right", "value",  "text",
        "block", "state", "table", "read",   "write", "find", "make", "input", "result", "offset"};
    for (std::size_t i = 0; i < kNames; ++i) {
      std::string name(kParts[random_() % std::size(kParts)]);
      for (std::uint64_t more = random_() % 3; more > 0; --more) {
        name += '_';
        name += kParts[random_() % std::size(kParts)];
      }
      names_.push_back(std::move(name));
    }
  }

  std::string run() {
    while (text_.size() < bytes_) {
      text_ += "/* " + name() + ": " + name() + " of " + name() + " */\n";
      text_ += "static int " + name() + "(const char *" + name() + ", size_t " + name() + ")\n{\n";
      block(1);
      text_ += "}\n\n";
    }
    return std::move(text_);
  }

 private:
  static constexpr std::size_t kNames = 2000;

  const std::string& name() { return names_[choose_(random_)]; }

  std::string term() {
    switch (random_() % 5) {
      case 0:
        return std::to_string(random_() % 300);
      case 1:
        return name() + "->" + name();
      case 2:
        return name() + "[" + name() + " + " + std::to_string(random_() % 10) + "]";
      case 3:
        return name() + "(" + name() + ", " + name() + ")";
      default:
        return name();
    }
  }

  void block(std::size_t depth) {
    for (std::uint64_t left = 2 + random_() % 5; left > 0; --left) statement(depth);
  }

  void statement(std::size_t depth) {
    const std::string indent(4 * depth, ' ');
    const std::uint64_t kind = random_() % 8;
    if (kind == 0 && depth < 6) {
      text_ += indent + "for (size_t i = 0; i < " + term() + "; i++) {\n";
      block(depth + 1);
      text_ += indent + "}\n";
    } else if (kind <= 2 && depth < 6) {
      text_ += indent + "if (" + term() + (kind == 1 ? " == " : " < ") + term() + ") {\n";
      block(depth + 1);
      text_ += indent + "}\n";
    } else if (kind == 3) {
      text_ += indent + "return " + term() + ";\n";
    } else if (kind == 4) {
      text_ += indent + "// " + name() + " is " + name() + " here\n";
    } else {
      text_ += indent + "int " + name() + " = " + term() + " + " + term() + ";\n";
    }
  }

  std::size_t bytes_;
  std::mt19937_64 random_{20};
  Zipf choose_;
  std::vector<std::string> names_;
  std::string text_;
};

}  // namespace

std::string sample_cjk(std::size_t bytes) {
  static constexpr Script kScripts[] = {
      {0x4E00, 0x5000, 30000, "", "\uFF0C", "\u3002"},  // ideographs
      {0x3041, 0xB6, 20000, "", "\u3001", "\u3002"},    // hiragana and katakana
      {0xAC00, 0x2BA0, 30000, " ", ", ", ". "},         // Hangul
  };
  std::mt19937_64 random(10);
  std::string text;
  for (const Script& script : kScripts) add_lines(text, bytes / 3, script, random);
  return text;
}

std::string sample_code(std::size_t bytes) { return CodeWriter(bytes).run(); }

}  // namespace gptc::driver
