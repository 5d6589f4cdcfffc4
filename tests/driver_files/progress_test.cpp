#include "tools/driver/progress.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace gptc::driver {
namespace {

const ProgressState middle{.step = 1234, .loss = 4.3214, .tokens_per_s = 18234, .val_loss = 4.5};

std::size_t columns(const std::string& text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0U) != 0x80 ? 1U : 0U;
  return count;
}

TEST(FormatBar, ShowsEverythingWhereThereIsRoom) {
  EXPECT_EQ(format_bar(middle, 2000, 201, {.width = 80, .unicode = false}),
            " 61% [#########......]  1234/2000  loss 4.321  val 4.500  18.2k tok/s  3:21 left");
  EXPECT_EQ(format_bar({.step = 5, .loss = 8}, 11, std::nullopt, {.width = 50, .unicode = true}),
            " 45% ▕███████▎        ▏  5/11  loss 8.000  0 tok/s");
}

TEST(FormatBar, LeavesOutTheLeastImportantFirst) {
  EXPECT_EQ(format_bar(middle, 2000, 201, {.width = 60, .unicode = false}),
            " 61% [####....]  1234/2000  loss 4.321  val 4.500  3:21 left");
  EXPECT_EQ(format_bar(middle, 2000, 201, {.width = 30, .unicode = false}),
            " 61% [#######.....]  1234/2000");
  EXPECT_EQ(format_bar(middle, 2000, 201, {.width = 20, .unicode = false}), " 61%  1234/2000");
}

TEST(FormatBar, IsNeverWiderThanTheTerminal) {
  for (const bool unicode : {false, true})
    for (int width = 0; width < 200; ++width)
      for (const std::int64_t step : {0, 1, 999, 1234, 2000, 3000}) {
        ProgressState state = middle;
        state.step = step;
        const std::string bar = format_bar(state, 2000, 1e6, {.width = width, .unicode = unicode});
        ASSERT_LE(columns(bar), static_cast<std::size_t>(width)) << bar;
      }
}

TEST(FormatBar, EmptyAndFull) {
  EXPECT_NE(format_bar({.step = 0}, 10, {}, {.width = 40, .unicode = false}).find("[........"),
            std::string::npos);
  EXPECT_NE(format_bar({.step = 10}, 10, {}, {.width = 40, .unicode = false}).find("########]"),
            std::string::npos);
  EXPECT_NE(format_bar({.step = 0}, 0, {}, {.width = 40, .unicode = false}).find("100%"),
            std::string::npos);
}

TEST(FormatDuration, ReadsLikeAClock) {
  EXPECT_EQ(format_duration(0), "0:00");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(754), "12:34");
  EXPECT_EQ(format_duration(11100), "3:05:00");
  EXPECT_EQ(format_duration(187200), "2 d 4 h");
  EXPECT_EQ(format_duration(-1), "?");
  EXPECT_EQ(format_duration(1e300), "?");
}

TEST(FormatCount, IsShort) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999.4), "999");
  EXPECT_EQ(format_count(999.6), "1.0k");
  EXPECT_EQ(format_count(18234), "18.2k");
  EXPECT_EQ(format_count(1.254e6), "1.25M");
}

/// A file that Progress writes to, and what came of it.
class Sink {
 public:
  [[nodiscard]] int file() const { return ::fileno(file_.get()); }
  [[nodiscard]] std::string text() const {
    std::string text(10000, '\0');
    const ssize_t size = ::pread(file(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_{std::tmpfile()};
};

TEST(Progress, PlainLinesComeAtTheIntervalAndAtBothEnds) {
  const Sink sink;
  double now = 100;
  {
    Progress progress(
        {.total_steps = 10, .interval = 3, .file = sink.file(), .clock = [&] { return now; }});
    for (std::int64_t step = 1; step <= 10; ++step) {
      now += 1;
      progress.update({.step = step, .loss = 8, .tokens_per_s = 500});
      if (step == 5) progress.message("a message");
    }
  }
  EXPECT_EQ(sink.text(),
            "step 1/10  loss 8.000  500 tok/s  0:09 left\n"
            "step 4/10  loss 8.000  500 tok/s  0:06 left\n"
            "a message\n"
            "step 7/10  loss 8.000  500 tok/s  0:03 left\n"
            "step 10/10  loss 8.000  500 tok/s  0:00 left\n");
}

TEST(Progress, AnEarlyEndShowsTheLastState) {
  const Sink sink;
  double now = 0;
  {
    Progress progress({.total_steps = 10, .file = sink.file(), .clock = [&] { return now; }});
    for (std::int64_t step = 1; step <= 3; ++step) progress.update({.step = step});
  }
  EXPECT_NE(sink.text().find("step 3/10"), std::string::npos);
}

TEST(Progress, AResumedRunCountsOnlyItsOwnTime) {
  const Sink sink;
  double now = 0;
  Progress progress(
      {.total_steps = 110, .first_step = 100, .file = sink.file(), .clock = [&] { return now; }});
  now = 2;
  progress.update({.step = 101});
  EXPECT_NE(sink.text().find("0:18 left"), std::string::npos) << sink.text();
}

TEST(Progress, TheBarIsRedrawnInPlaceAndMessagesStandAbove) {
  const Sink sink;
  double now = 0;
  {
    Progress progress(
        {.total_steps = 4, .style = ProgressStyle::bar, .file = sink.file(), .clock = [&] {
           return now += 0.06;
         }});
    for (std::int64_t step = 1; step <= 4; ++step) {
      progress.update({.step = step, .loss = 2});
      if (step == 2) progress.message("hello");
    }
  }
  const std::string text = sink.text();
  EXPECT_NE(text.find("\r\x1b[Khello\n\r\x1b[K"), std::string::npos) << text;
  EXPECT_NE(text.find("4/4"), std::string::npos);
  EXPECT_EQ(text.find('\n', text.find("4/4")), text.size() - 1) << "the bar's line ends once";
}

TEST(Progress, QuietShowsMessagesOnly) {
  const Sink sink;
  {
    Progress progress({.total_steps = 4, .style = ProgressStyle::quiet, .file = sink.file()});
    progress.update({.step = 4});
    progress.message("done");
  }
  EXPECT_EQ(sink.text(), "done\n");
}

TEST(Progress, AFileIsNoTerminalAndAClosedOneDoesNoHarm) {
  const Sink sink;
  EXPECT_EQ(progress_style(sink.file()), ProgressStyle::lines);
  Progress progress({.total_steps = 4, .file = -1});
  progress.update({.step = 4});
  progress.message("nobody reads this");
}

}  // namespace
}  // namespace gptc::driver
