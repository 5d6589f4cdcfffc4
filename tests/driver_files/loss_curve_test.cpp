#include "tools/driver/loss_curve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "frontend/formats/error.h"
#include "tests/formats/temp_folder.h"
#include "tools/driver/smoothing.h"

namespace gptc::driver {
namespace {

using gptc::testing::content_of;
using gptc::testing::message_of;
using gptc::testing::TempFolder;

std::vector<LogRecord> falling(std::int64_t steps) {
  std::vector<LogRecord> records;
  for (std::int64_t step = 1; step <= steps; ++step) {
    LogRecord record{.step = step, .loss = 4 + 4 / std::sqrt(static_cast<double>(step))};
    if (step % 10 == 0) record.val_loss = record.loss + 0.2;
    records.push_back(record);
  }
  return records;
}

/// The PATH for the life of one test; each test is a process of its own under ctest.
class Path {
 public:
  explicit Path(const std::string& path) { ::setenv("PATH", path.c_str(), 1); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  ~Path() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_ = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
};

std::string with_program(const TempFolder& folder, const std::string& script) {
  const std::string path = folder.with("bin/gnuplot", "#!/bin/sh\n" + script);
  EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
  return folder.file("bin") + ":/usr/bin:/bin";
}

TEST(LossCurve, DrawsAPng) {
  const TempFolder folder;
  const std::string path = folder.file("loss_curve.png");
  for (const std::int64_t steps : {1, 2, 5, 200, 20000}) {
    const auto warning = draw_loss_curve(falling(steps), path,
                                         {.title = "it's a \"title\"_$x", .unigram_entropy = 6.5});
    ASSERT_FALSE(warning.has_value()) << *warning;
    const std::string png = content_of(path);
    EXPECT_TRUE(png.starts_with("\x89PNG"));
    EXPECT_EQ(png.substr(16, 8), std::string("\0\0\x06\x40\0\0\x03\xe8", 8)) << "1600 by 1000";
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"loss_curve.png"});
}

TEST(LossCurve, ConstantAndBrokenLossesAreDrawnToo) {
  const TempFolder folder;
  std::vector<LogRecord> records(50, {.step = 7, .loss = 3});
  EXPECT_EQ(draw_loss_curve(records, folder.file("a.png"), {}), std::nullopt);
  records = falling(100);
  records[50].loss = std::nan("");
  records[59].val_loss = std::numeric_limits<double>::infinity();
  EXPECT_EQ(draw_loss_curve(records, folder.file("b.png"), {}), std::nullopt);
}

TEST(LossCurve, TheScriptNamesTheAxesAndTheEntropy) {
  const std::string script =
      loss_curve_script(falling(100), {.title = "it's", .unigram_entropy = 6.529});
  for (const char* text :
       {"set xlabel 'step'", "set ylabel 'loss (nats per token)'", "unigram entropy 6.53",
        "title 'training'", "title 'validation'", "'it''s'", "$validation << END\n10 "})
    EXPECT_NE(script.find(text), std::string::npos) << text;
  EXPECT_EQ(loss_curve_script(falling(100), {}).find("unigram"), std::string::npos);
  EXPECT_EQ(loss_curve_script(falling(5), {}).find("'validation'"), std::string::npos);
  EXPECT_EQ(loss_curve_script({{.step = 1, .loss = std::nan("")}}, {}), "");
}

TEST(LossCurve, ATitleCannotGiveCommands) {
  const std::string script = loss_curve_script(falling(3), {.title = "x'\nset output 'stolen'\n'"});
  EXPECT_EQ(script.find("\nset output"), std::string::npos);
  EXPECT_NE(script.find("'x'' set output ''stolen'' '''"), std::string::npos);
}

TEST(LossCurve, WithoutGnuplotItSaysSoInOneLine) {
  const TempFolder folder;
  const Path path(folder.path());
  const auto warning = draw_loss_curve(falling(10), folder.file("c.png"), {});
  ASSERT_TRUE(warning.has_value());
  EXPECT_NE(warning->find("gnuplot is not installed"), std::string::npos);
  EXPECT_EQ(warning->find('\n'), std::string::npos);
  EXPECT_TRUE(folder.names().empty());
}

TEST(LossCurve, AFailingGnuplotLeavesTheOldPicture) {
  const TempFolder folder;
  const std::string png = folder.with("c.png", "old");
  {
    const Path path(
        with_program(folder, "cat > /dev/null\necho >&2\necho 'unknown terminal' >&2\nexit 2\n"));
    EXPECT_EQ(draw_loss_curve(falling(10), png, {}),
              "no loss curve: gnuplot failed (2): unknown terminal");
  }
  {
    const Path path(with_program(folder, "cat > /dev/null\nprintf '\\211PNG\\r\\n cut short'\n"));
    EXPECT_EQ(draw_loss_curve(falling(10), png, {}), "no loss curve: gnuplot failed (0)");
  }
  EXPECT_EQ(content_of(png), "old");
}

TEST(LossCurve, NothingToDrawIsSaidAndAFullFolderThrows) {
  const TempFolder folder;
  EXPECT_EQ(draw_loss_curve({}, folder.file("c.png"), {}),
            "no loss curve: no loss has been logged yet");
  EXPECT_NE(message_of<formats::Error>([&] {
              (void)draw_loss_curve(falling(10), folder.file("no/c.png"), {});
            }).find("No such file"),
            std::string::npos);
}

TEST(Smoothing, ThinsOutToMeansAndKeepsFewAsTheyAre) {
  std::vector<CurvePoint> points;
  points.reserve(1000);
  for (int i = 0; i < 1000; ++i) points.push_back({.x = double{1} * i, .y = 2.0 * i});
  const auto thin = thin_out(points, 10);
  ASSERT_EQ(thin.size(), 10u);
  EXPECT_EQ(thin[0].x, 49.5);
  EXPECT_EQ(thin[9].y, 2 * 949.5);
  EXPECT_EQ(thin_out(points, 1000).size(), 1000u);
}

TEST(Smoothing, RemovesNoiseAndKeepsTheLevel) {
  std::vector<CurvePoint> points;
  points.reserve(4000);
  for (int i = 0; i < 4000; ++i)
    points.push_back({.x = double{1} * i, .y = 5 + (i % 2 == 0 ? 1.0 : -1.0)});
  for (const CurvePoint& point : smooth(points, 100))
    if (point.x > 1000) {
      EXPECT_NEAR(point.y, 5, 0.05);
    }
  const std::vector<CurvePoint> one{{.x = 3, .y = 4}};
  EXPECT_EQ(smooth(one, 100).front().y, 4);
  EXPECT_TRUE(smooth({}, 100).empty());
}

}  // namespace
}  // namespace gptc::driver
