#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>

#include "frontend/tokenizer/learner.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

using Ids = std::vector<std::int32_t>;
using Pair = std::pair<std::int32_t, std::int32_t>;

Tokenizer learn(std::string_view document, const LearnOptions& options) {
  const std::string_view documents[] = {document};
  return Tokenizer::learn(documents, options);
}

std::vector<std::string> merges_of(const Tokenizer& tokenizer) {
  std::vector<std::string> merges;
  merges.reserve(static_cast<std::size_t>(tokenizer.merge_count()));
  for (std::int32_t rank = 0; rank < tokenizer.merge_count(); ++rank) {
    merges.push_back(tokenizer.merge_text(rank));
  }
  return merges;
}

TEST(Learn, equals_the_trainer_of_tokenizers_merge_for_merge) {
  const auto expected = nlohmann::json::parse(read_fixture("learn_expected.json"));
  ASSERT_EQ(expected.at("cases").size(), 15u);
  for (const auto& given : expected.at("cases")) {
    std::vector<std::string> texts{read_fixture("learn_corpus.txt")};
    if (given.contains("documents")) given.at("documents").get_to(texts);
    const std::vector<std::string_view> documents(texts.begin(), texts.end());
    const auto pattern = pattern_of(given.at("pattern").get<std::string>());
    const auto all = given.at("merges").get<std::vector<std::string>>();
    ASSERT_TRUE(pattern.has_value());
    ASSERT_GT(all.size(), 5u);
    for (const auto& run : given.at("runs")) {
      const Tokenizer learned =
          Tokenizer::learn(documents, {.vocab_size = run.at("vocab_size"),
                                       .min_frequency = run.at("min_frequency"),
                                       .pattern = *pattern});
      const auto count = run.at("merges").get<std::ptrdiff_t>();
      EXPECT_EQ(merges_of(learned), std::vector(all.begin(), all.begin() + count))
          << given.at("name") << " " << given.at("pattern");
    }
  }
}

/// Learning taken literally: count all pairs of all words afresh for every merge.
std::vector<Pair> learn_by_the_book(std::string_view document, std::size_t merges,
                                    const Tokenizer& bytes) {
  std::vector<Ids> words;
  for (const std::string& piece : pieces(document)) words.push_back(bytes.encode(piece));
  std::vector<Pair> learned;
  while (learned.size() < merges) {
    std::map<Pair, std::int64_t> counts;
    for (const Ids& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) ++counts[{word[i], word[i + 1]}];
    }
    if (counts.empty()) break;
    Pair best = counts.begin()->first;
    for (const auto& [pair, count] : counts) {
      if (count > counts[best]) best = pair;
    }
    const auto result = static_cast<std::int32_t>(256 + learned.size());
    learned.push_back(best);
    for (Ids& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        if (Pair{word[i], word[i + 1]} != best) continue;
        word[i] = result;
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  return learned;
}

TEST(Learn, equals_counting_afresh_for_every_merge) {
  const Tokenizer bytes = learn("", {.vocab_size = 257});
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    constexpr std::string_view kAlphabets[] = {"a", "aab", "ab ", "abc  ", "abab1\n"};
    const std::string text = random_text(random, kAlphabets[round % 5], random() % 300);
    const Tokenizer learned = learn(text, {.vocab_size = 297, .min_frequency = 1});
    std::vector<std::string> expected;
    std::vector<std::string> names;
    names.reserve(300);
    for (std::int32_t id = 0; id < 256; ++id) names.push_back(bytes.token_text(id));
    for (const auto& [left, right] : learn_by_the_book(text, 40, bytes)) {
      const std::string& a = names[static_cast<std::size_t>(left)];
      const std::string& b = names[static_cast<std::size_t>(right)];
      expected.push_back(a);
      expected.back().append(" ").append(b);
      names.push_back(a + b);
    }
    ASSERT_EQ(merges_of(learned), expected) << text;
  }
}

TEST(Learn, ids_are_bytes_then_merges_then_end_of_text) {
  const Tokenizer learned = learn("low lower lowest low low", {.vocab_size = 260});
  EXPECT_EQ(learned.vocab_size(), 260);
  EXPECT_EQ(learned.end_of_text(), 259);
  for (std::int32_t id = 0; id < 256; ++id)
    EXPECT_EQ(learned.token_text(id), gpt2().token_text(id));
  EXPECT_EQ(merges_of(learned), (std::vector<std::string>{"l o", "lo w", "\u0120 low"}));
  EXPECT_EQ(learned.token_bytes(258), " low");
  EXPECT_EQ(learned.encode("low low"), (Ids{257, 258}));
  const EncodeOptions recognised{.special = SpecialTokens::recognised};
  EXPECT_EQ(learned.encode("low<|endoftext|>", recognised), (Ids{257, 259}));
}

TEST(Learn, stops_where_pairs_run_out) {
  EXPECT_EQ(learn("", {.vocab_size = 1000}).vocab_size(), 257);
  EXPECT_EQ(learn("ab ab", {.vocab_size = 1000}).vocab_size(), 258);
  EXPECT_EQ(learn("ab ab", {.vocab_size = 1000, .min_frequency = 3}).vocab_size(), 257);
  EXPECT_EQ(learn("ab ab", {.vocab_size = 1000, .min_frequency = 1}).vocab_size(), 259);
}

TEST(Learn, documents_are_words_apart) {
  const std::string_view documents[] = {"a", "b", "a", "b"};
  EXPECT_EQ(Tokenizer::learn(documents, {.vocab_size = 300}).merge_count(), 0);
}

TEST(Learn, is_the_same_for_any_number_of_threads) {
  std::mt19937 random(13);
  std::string text;
  while (text.size() < 3'500'000) {
    text += random_text(random, "eettaoin", 1 + random() % 6);
    text += (random() % 12 == 0) ? "\n\n" : " ";
  }
  LearnOptions options{.vocab_size = 400, .threads = 1};
  const std::string one = learn(text, options).merges_txt();
  for (const int threads : {2, 7}) {
    options.threads = threads;
    EXPECT_EQ(learn(text, options).merges_txt(), one) << threads;
  }
}

TEST(Learn, worst_cases_end_soon) {
  std::mt19937 random(17);
  EXPECT_EQ(learn(std::string(1'000'000, 'a'), {.vocab_size = 270}).vocab_size(), 270);
  const std::string word = random_text(random, "acgt", 1'000'000);
  EXPECT_EQ(learn(word, {.vocab_size = 2257}).vocab_size(), 2257);
  EXPECT_EQ(learn(random_bytes(random, 300'000), {.vocab_size = 500}).vocab_size(), 500);
}

TEST(Learn, progress_rises_to_the_end_and_may_stop_the_work) {
  const std::string corpus = read_fixture("learn_corpus.txt");
  std::int32_t last = -1;
  LearnOptions options{.vocab_size = 457};
  options.progress = [&](const LearnProgress& progress) {
    EXPECT_GE(progress.merges_done, last);
    EXPECT_EQ(progress.merges_wanted, 200);
    last = progress.merges_done;
  };
  learn(corpus, options);
  EXPECT_EQ(last, 200);
  options.progress = [](const LearnProgress&) { throw std::runtime_error("enough"); };
  EXPECT_THROW(learn(corpus, options), std::runtime_error);
}

TEST(Learn, options_out_of_range_are_errors) {
  EXPECT_THROW(learn("a", {.vocab_size = 256}), Error);
  EXPECT_THROW(learn("a", {.vocab_size = -5}), Error);
  EXPECT_THROW(learn("a", {.vocab_size = 300, .min_frequency = 0}), Error);
  EXPECT_THROW(learn("a", {.vocab_size = 300, .threads = -1}), Error);
}

}  // namespace
}  // namespace gptc::tokenizer::testing
