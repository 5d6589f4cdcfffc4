#include "tools/driver/run_log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "frontend/formats/error.h"
#include "tests/formats/temp_folder.h"

namespace gptc::driver {
namespace {

using gptc::testing::content_of;
using gptc::testing::message_of;
using gptc::testing::TempFolder;

LogRecord at(std::int64_t step) {
  return {.step = step,
          .loss = 8.0F / static_cast<float>(step + 1),
          .lr = 3e-4F,
          .tokens_per_s = 1234.5};
}

TEST(RunLog, ALineIsWhatPeopleExpect) {
  LogRecord record = at(1);
  EXPECT_EQ(log_line(record), R"({"step": 1, "loss": 4, "lr": 0.0003, "tokens_per_s": 1234.5})");
  record.val_loss = 4.25;
  EXPECT_EQ(log_line(record),
            R"({"step": 1, "loss": 4, "lr": 0.0003, "tokens_per_s": 1234.5, "val_loss": 4.25})");
  record.loss = std::nan("");
  record.val_loss = std::numeric_limits<double>::infinity();
  record.tokens_per_s = std::numeric_limits<double>::infinity();
  EXPECT_EQ(log_line(record),
            R"({"step": 1, "loss": null, "lr": 0.0003, "tokens_per_s": 0.0, "val_loss": null})");
}

TEST(RunLog, ReadsBackWhatItWrote) {
  const TempFolder folder;
  const std::string path = folder.with("log.jsonl", "what was there before\n");
  {
    RunLog log = RunLog::start(path);
    for (std::int64_t step = 1; step <= 20; ++step) {
      LogRecord record = at(step);
      if (step % 5 == 0) record.val_loss = 2.5F;
      log.append(record);
      ASSERT_EQ(read_log(path).size(), static_cast<std::size_t>(step))
          << "each record must be there at once";
    }
    LogRecord broken = at(21);
    broken.loss = std::nan("");
    log.append(broken);
  }
  const auto records = read_log(path);
  ASSERT_EQ(records.size(), 21u);
  EXPECT_EQ(records[6].step, 7);
  EXPECT_EQ(records[6].loss, 1.0);
  EXPECT_EQ(static_cast<float>(records[1].loss), 8.0F / 3);
  EXPECT_EQ(static_cast<float>(records[6].lr), 3e-4F);
  EXPECT_EQ(records[6].tokens_per_s, 1234.5);
  EXPECT_FALSE(records[6].val_loss.has_value());
  EXPECT_EQ(records[9].val_loss, 2.5);
  EXPECT_TRUE(std::isnan(records[20].loss));
}

TEST(RunLog, ResumingDropsLaterRecordsAndATornLine) {
  const TempFolder folder;
  const std::string path = folder.file("log.jsonl");
  {
    RunLog log = RunLog::start(path);
    for (std::int64_t step = 1; step <= 10; ++step) log.append(at(step));
  }
  const std::string odd = R"({"step":4,"loss":1,"lr":1,"tokens_per_s":1,"note":"kept"})";
  (void)folder.with("log.jsonl", content_of(path) + odd + "\n{\"step\": 11, \"lo");
  {
    RunLog log = RunLog::resume(path, 6);
    log.append(at(7));
  }
  const auto records = read_log(path);
  ASSERT_EQ(records.size(), 8u);
  EXPECT_EQ(records[5].step, 6);
  EXPECT_EQ(records[6].step, 4);
  EXPECT_EQ(records[7].step, 7);
  EXPECT_NE(content_of(path).find(odd), std::string::npos);
}

TEST(RunLog, ResumingWithoutALogBeginsOne) {
  const TempFolder folder;
  RunLog log = RunLog::resume(folder.file("log.jsonl"), 100);
  log.append(at(101));
  EXPECT_EQ(read_log(folder.file("log.jsonl")).size(), 1u);
}

TEST(RunLog, ABadLineIsNamed) {
  const TempFolder folder;
  const std::string good = log_line(at(1)) + "\n";
  const auto why = [&](const std::string& line) {
    const std::string path = folder.with("log.jsonl", good + line + "\n" + good);
    std::string message = message_of<formats::Error>([&] { (void)read_log(path); });
    EXPECT_NE(message.find("log.jsonl:2\": "), std::string::npos) << message;
    return message;
  };
  EXPECT_NE(why("").find("not valid JSON"), std::string::npos);
  EXPECT_NE(why("{}").find("key \"step\" is missing"), std::string::npos);
  EXPECT_NE(why(R"({"step": -1})").find("but is -1"), std::string::npos);
  EXPECT_NE(why(R"({"step": 1, "loss": "x"})").find("must be a number"), std::string::npos);
}

TEST(RunLog, AFolderThatIsNotThereIsAnError) {
  const TempFolder folder;
  EXPECT_NE(message_of<formats::Error>([&] {
              (void)RunLog::start(folder.file("no/log.jsonl"));
            }).find("No such file"),
            std::string::npos);
}

}  // namespace
}  // namespace gptc::driver
