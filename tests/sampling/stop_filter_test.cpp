#include "tools/driver/sampling/stop_filter.h"

#include <gtest/gtest.h>

#include <random>

#include "ir/check.h"

namespace gptc::driver {
namespace {

struct Shown {
  std::string text;
  bool stopped = false;
  bool operator==(const Shown&) const = default;
};

/// The definition: the text up to the stop string that is complete first, the longest of those.
Shown naive(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const std::string seen = text.substr(0, end);
    std::size_t longest = 0;
    for (const std::string& stop : stops)
      if (seen.ends_with(stop)) longest = std::max(longest, stop.size());
    if (longest > 0) return {seen.substr(0, end - longest), true};
  }
  return {text, false};
}

TEST(StopFilter, HoldsBackWhatMayBeginAStopString) {
  StopFilter filter({"END", "Enough"});
  EXPECT_EQ(filter.push("the E"), "the ");
  EXPECT_EQ(filter.push("N"), "");
  EXPECT_EQ(filter.push("T."), "ENT.");
  EXPECT_EQ(filter.push("En"), "");
  EXPECT_EQ(filter.push("EN"), "En");
  EXPECT_FALSE(filter.stopped());
  EXPECT_EQ(filter.push("Dx"), "");
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.push("more"), "");
  EXPECT_EQ(filter.finish(), "");
}

TEST(StopFilter, GivesOutWhatItHoldsAtTheEnd) {
  StopFilter filter({"aab"});
  EXPECT_EQ(filter.push("xaa"), "x");
  EXPECT_EQ(filter.push("a"), "a");
  EXPECT_EQ(filter.finish(), "aa");
  EXPECT_EQ(filter.finish(), "");
  EXPECT_FALSE(filter.stopped());
}

TEST(StopFilter, WithoutStopStringsAllPasses) {
  StopFilter filter({});
  EXPECT_EQ(filter.push("any"), "any");
  EXPECT_THROW(StopFilter({"a", ""}), ir::UserError);
}

TEST(StopFilter, TheFirstToBeCompleteStops) {
  for (const auto& [text, stops] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"xabcy", {"abc", "b"}}, {"xabcy", {"c", "abc", "bc"}}, {"abab", {"abab", "ba"}}}) {
    StopFilter filter(stops);
    const std::string out = filter.push(text);
    EXPECT_EQ((Shown{out, filter.stopped()}), naive(text, stops)) << text;
  }
}

// However a text is cut into parts.
TEST(StopFilter, PartsDoNotMatter) {
  std::mt19937 random(8);
  const auto word = [&](std::size_t most) {
    std::string text(1 + random() % most, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 2);
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops;
    for (std::size_t i = random() % 4; i > 0; --i) stops.push_back(word(7));
    const std::string text = word(30);
    StopFilter filter(stops);
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = random() % 6;
      shown += filter.push(text.substr(at, length));
      at += length;
      EXPECT_TRUE(naive(text, stops).text.starts_with(shown)) << text;
    }
    shown += filter.finish();
    EXPECT_EQ((Shown{shown, filter.stopped()}), naive(text, stops)) << text;
  }
}

}  // namespace
}  // namespace gptc::driver
