// Learning that is interrupted and continued from its folder.
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "frontend/tokenizer/learner.h"
#include "tests/tokenizer/temp_folder.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

struct Stop : std::runtime_error {
  Stop() : std::runtime_error("stop") {}
};

/// Documents of which each batch counts only a part.
std::vector<std::string> documents() {
  std::mt19937 random(21);
  std::vector<std::string> words(20'000);
  for (std::string& word : words) word = random_text(random, "eettaoinshr", 1 + random() % 7);
  std::vector<std::string> all(5);
  for (std::string& text : all) {
    while (text.size() < 300'000) {
      text += words[random() % words.size()] + (random() % 9 ? " " : ", ");
    }
  }
  return all;
}

LearnOptions options(const TempFolder& folder) {
  return {.vocab_size = 700,
          .threads = 2,
          .memory_limit = 4 * kMiB,
          .checkpoint = folder.path() / "state"};
}

std::string learn(Learner& learner, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    learner.add(text);
    learner.end_document();
  }
  return learner.finish().merges_txt();
}

std::string expected(const std::vector<std::string>& texts, std::int32_t vocab_size = 700) {
  Learner learner({.vocab_size = vocab_size});
  return learn(learner, texts);
}

/// Learns until `stop` says so; the folder holds the state then.
void interrupt(LearnOptions with, const std::vector<std::string>& texts,
               const std::function<bool(const LearnProgress&)>& stop) {
  with.progress = [&](const LearnProgress& progress) {
    if (stop(progress)) throw Stop();
  };
  Learner learner(with);
  EXPECT_THROW(learn(learner, texts), Stop);
  EXPECT_TRUE(Learner::has_state(with.checkpoint));
}

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(LearnerState, goes_on_where_reading_stopped) {
  const TempFolder folder;
  const auto texts = documents();
  const std::string whole = expected(texts);
  std::uint64_t last = 0;
  for (const std::uint64_t at : {400'000u, 900'000u, 1'400'000u}) {  // three times
    interrupt(options(folder), texts, [&](const LearnProgress& progress) {
      EXPECT_GE(progress.bytes_read, last);
      last = progress.bytes_read;
      return last > at;
    });
  }
  Learner learner(options(folder));
  EXPECT_EQ(learn(learner, texts), whole);
  EXPECT_EQ(learner.report().bytes_resumed, last);
  EXPECT_EQ(learner.report().documents, texts.size());
}

TEST(LearnerState, goes_on_where_merging_stopped) {
  const auto texts = documents();
  for (const std::uint64_t memory : {4 * kMiB, std::uint64_t{0}}) {
    const TempFolder folder;
    LearnOptions with = options(folder);
    with.memory_limit = memory;
    interrupt(with, texts,
              [&](const LearnProgress& progress) { return progress.merges_done >= 100; });
    std::int32_t least = 1000;
    with.progress = [&](const LearnProgress& progress) {
      least = std::min(least, progress.merges_done);
    };
    Learner learner(with);
    EXPECT_EQ(learn(learner, texts), expected(texts));
    EXPECT_GE(least, 100);
  }
}

TEST(LearnerState, a_finished_one_learns_more_without_the_documents) {
  const TempFolder folder;
  const auto texts = documents();
  LearnOptions with = options(folder);
  Learner learner(with);
  EXPECT_EQ(learn(learner, texts), expected(texts));
  learner.save();
  with.vocab_size = 900;
  Learner more(with);
  EXPECT_EQ(learn(more, {}), expected(texts, 900));
  with.vocab_size = 500;
  Learner fewer(with);
  EXPECT_EQ(learn(fewer, texts), expected(texts, 500));
  Learner::discard(with.checkpoint);
  EXPECT_FALSE(Learner::has_state(with.checkpoint));
  EXPECT_FALSE(std::filesystem::exists(with.checkpoint));
}

TEST(LearnerState, extending_is_continued_too) {
  const TempFolder folder;
  const auto texts = documents();
  Learner first({.vocab_size = 400});
  for (const std::string& text : texts) {
    first.add(text);
    first.end_document();
  }
  const Tokenizer base = first.finish();
  LearnOptions with = options(folder);
  with.progress = [](const LearnProgress& progress) {
    if (progress.merges_done >= 150) throw Stop();
  };
  Learner second(with, base);
  EXPECT_THROW(learn(second, texts), Stop);
  Learner third(options(folder), base);
  EXPECT_EQ(learn(third, texts), expected(texts));
}

TEST(LearnerState, other_documents_are_an_error) {
  const TempFolder folder;
  auto texts = documents();
  interrupt(options(folder), texts,
            [](const LearnProgress& progress) { return progress.bytes_read > 800'000; });
  const auto resumed = [&](const std::vector<std::string>& with) {
    return error_of([&] {
      Learner learner(options(folder));
      learn(learner, with);
    });
  };
  auto others = texts;
  others[0][1000] = '#';
  EXPECT_NE(resumed(others).find("the documents' first are others"), std::string::npos);
  EXPECT_NE(resumed({texts[0]}).find("bytes before"), std::string::npos);
  EXPECT_NE(resumed({}).find("bytes before"), std::string::npos);

  Learner learner(options(folder));
  learn(learner, texts);
  learner.save();
  texts.emplace_back("more");
  EXPECT_NE(resumed(texts).find("but now there are more"), std::string::npos);

  LearnOptions with = options(folder);
  with.min_frequency = 7;
  EXPECT_NE(error_of([&] { Learner changed(with); }).find("min_frequency=2"), std::string::npos);
}

TEST(LearnerState, damage_is_found) {
  const TempFolder folder;
  const auto texts = documents();
  const LearnOptions with = options(folder);
  Learner learner(with);
  learn(learner, texts);
  learner.save();
  const std::filesystem::path state = with.checkpoint / "state";
  const std::string good = read_whole(state);
  const auto error_with = [&](const std::string& content) {
    std::ofstream(state, std::ios::binary) << content;
    return error_of([&] { Learner damaged(with); });
  };
  EXPECT_NE(error_with("").find("line 0"), std::string::npos);
  EXPECT_NE(error_with("gptc learning 9\n").find("version"), std::string::npos);
  EXPECT_NE(error_with(good.substr(0, good.size() / 2)).find("damaged"), std::string::npos);
  const std::size_t merge = good.find("merge ");
  std::string wrong = good;
  wrong.replace(merge, good.find('\n', merge) - merge, "merge 300 7");
  EXPECT_NE(error_with(wrong).find("'300' is no number that may stand here"), std::string::npos);
  wrong = good;
  wrong.replace(wrong.find("run run-"), 8, "run ../x");
  EXPECT_NE(error_with(wrong).find("is no name of a run"), std::string::npos);
  EXPECT_EQ(error_with(good), "no error");

  // A run of the right size with other bytes: found when it is read.
  for (const auto& entry : std::filesystem::directory_iterator(with.checkpoint)) {
    if (entry.path().filename() == "state") continue;
    const auto size = std::filesystem::file_size(entry.path());
    std::ofstream(entry.path(), std::ios::binary) << std::string(size, '\xFF');
  }
  EXPECT_NE(error_of([&] {
              Learner damaged(with);
              learn(damaged, texts);
            }).find("the counts of pieces are damaged"),
            std::string::npos);
}

}  // namespace
}  // namespace gptc::tokenizer::testing
