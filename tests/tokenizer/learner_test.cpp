// Learning from streams: chunks, memory bounds, extension, special tokens, errors.
#include "frontend/tokenizer/learner.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "tests/tokenizer/temp_folder.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::string learn_in_chunks(std::string_view text, const LearnOptions& options, std::size_t chunk) {
  Learner learner(options);
  for (std::size_t at = 0; at < text.size(); at += chunk) learner.add(text.substr(at, chunk));
  return learner.finish().merges_txt();
}

std::string learn_whole(std::string_view text, const LearnOptions& options) {
  const std::string_view documents[] = {text};
  return Tokenizer::learn(documents, options).merges_txt();
}

/// Words, of which about `share` of a hundred are written only once.
std::string growing_text(std::mt19937& random, std::size_t size, unsigned share) {
  std::string text;
  while (text.size() < size) {
    const bool fresh = random() % 100 < share;
    text += fresh ? random_text(random, "eettaoinshr", 7) : random_text(random, "etao", 2);
    text += random() % 15 == 0 ? ".\n" : " ";
  }
  return text;
}

TEST(Learner, chunks_of_any_size_give_the_same) {
  std::mt19937 random(3);
  const std::string corpus = read_fixture("learn_corpus.txt");
  std::string text;
  while (text.size() < 900'000) {
    const std::size_t begin = random() % (corpus.size() - 100);
    text += corpus.substr(begin, random() % 100);  // cuts characters too
  }
  for (const Pattern pattern : {Pattern::gpt2, Pattern::gpt4, Pattern::none}) {
    LearnOptions options{.vocab_size = 400, .pattern = pattern};
    const std::string_view part =
        pattern == Pattern::none ? std::string_view(text).substr(0, 100'000) : text;
    const std::string whole = learn_whole(part, options);
    for (const std::size_t chunk : {1u, 3u, 1000u, 777'777u}) {
      options.threads = 1 + static_cast<int>(chunk % 3);
      EXPECT_EQ(learn_in_chunks(part, options, chunk), whole) << chunk;
    }
    options.memory_limit = 4 * kMiB;  // several batches
    EXPECT_EQ(learn_in_chunks(part, options, 5000), whole);
  }
}

TEST(Learner, files_of_counts_change_nothing) {
  std::mt19937 random(5);
  const std::string text = growing_text(random, 2'000'000, 14);
  LearnOptions options{.vocab_size = 3000};
  const std::string whole = learn_whole(text, options);
  for (const int threads : {1, 3}) {
    options.threads = threads;
    options.memory_limit = 4 * kMiB;
    Learner learner(options);
    learner.add(text);
    EXPECT_EQ(learner.finish().merges_txt(), whole);
    EXPECT_GT(learner.report().spills, 1u);
    EXPECT_GT(learner.report().spilled_bytes, 100'000u);
    EXPECT_EQ(learner.report().pruned_pieces, 0u);
    EXPECT_EQ(learner.report().bytes_read, text.size());
  }
}

TEST(Learner, prunes_the_rarest_and_says_so) {
  std::mt19937 random(7);
  const std::string text = growing_text(random, 4'000'000, 60);
  LearnOptions options{.vocab_size = 600};
  Learner unbounded(options);
  unbounded.add(text);
  unbounded.finish();
  ASSERT_EQ(unbounded.report().pruned_pieces, 0u);

  options.memory_limit = 4 * kMiB;
  std::vector<std::string> merges;
  for (const int threads : {1, 2, 5}) {
    options.threads = threads;
    Learner learner(options);
    for (std::size_t at = 0; at < text.size(); at += 100'000) {
      learner.add(std::string_view(text).substr(at, 100'000));
    }
    merges.push_back(learner.finish().merges_txt());
    const LearnReport& report = learner.report();
    EXPECT_EQ(report.unique_pieces, unbounded.report().unique_pieces);
    EXPECT_EQ(report.pieces, unbounded.report().pieces);
    EXPECT_GT(report.pruned_pieces, 10'000u);
    EXPECT_LT(report.pruned_pieces, report.unique_pieces);
    EXPECT_GE(report.pruned_occurrences, report.pruned_pieces);
    EXPECT_LE(report.pruned_occurrences, report.pruned_pieces * report.pruned_count);
    EXPECT_LE(report.pruned_count, 2u);  // the words written once, the rarest of the others
    EXPECT_EQ(report.merges, 600 - 257);
  }
  EXPECT_EQ(merges[0], merges[1]);
  EXPECT_EQ(merges[0], merges[2]);
}

TEST(Learner, more_than_16_bits_of_ids_learn_the_same) {
  std::mt19937 random(9);
  const std::string text = growing_text(random, 300'000, 30);
  const LearnOptions few{.vocab_size = 5000};
  const LearnOptions many{.vocab_size = 70'000, .min_frequency = 3};
  const std::string small = learn_whole(text, few);
  const std::string large = learn_whole(text, many);
  const std::size_t common = std::min(small.size(), large.size());
  EXPECT_GT(common, 5000u);
  EXPECT_EQ(small.substr(0, common), large.substr(0, common));
}

TEST(Learner, extending_equals_learning_more_at_once) {
  const std::string corpus = read_fixture("learn_corpus.txt");
  for (const Pattern pattern : {Pattern::gpt2, Pattern::gpt4, Pattern::none}) {
    LearnOptions options{.vocab_size = 400, .pattern = pattern};
    options.special_tokens = {"<|endoftext|>", "<|pad|>"};
    const std::string_view documents[] = {corpus, "and more, and more",
                                          std::string_view(corpus).substr(100)};
    const Tokenizer small = Tokenizer::learn(documents, options);
    options.vocab_size = 600;
    Learner learner({.vocab_size = 600}, small);
    for (const std::string_view document : documents) {
      learner.add(document);
      learner.end_document();
    }
    const Tokenizer extended = learner.finish();
    const Tokenizer at_once = Tokenizer::learn(documents, options);
    EXPECT_EQ(extended.vocab_json(), at_once.vocab_json());
    EXPECT_EQ(extended.merges_txt(), at_once.merges_txt());
    EXPECT_EQ(extended.pattern(), pattern);
  }
}

TEST(Learner, extends_gpt2_and_keeps_its_tokens) {
  std::mt19937 random(15);
  std::string text;
  for (int i = 0; i < 3000; ++i) text += " zqxvwk zqxvwk jjqqzz" + std::to_string(random() % 10);
  Learner learner({.vocab_size = 50'270}, gpt2());
  learner.add(text);
  const Tokenizer extended = learner.finish();
  ASSERT_GT(extended.vocab_size(), 50'257);
  for (const std::int32_t id : {0, 255, 256, 9999, 50'255}) {
    EXPECT_EQ(extended.token_bytes(id), gpt2().token_bytes(id));
  }
  EXPECT_EQ(extended.end_of_text(), extended.vocab_size() - 1);
  EXPECT_LT(extended.encode(text).size(), gpt2().encode(text).size());
  EXPECT_THROW(Learner({.vocab_size = 50'000}, gpt2()), Error);
}

TEST(Learner, special_tokens_are_last_and_never_merged) {
  LearnOptions options{.vocab_size = 300, .min_frequency = 1, .pattern = Pattern::none};
  options.special_tokens = {"<s>", "</s>"};
  const std::string_view documents[] = {"<s><s><s>", "<s>ab</s>", "</s></s>"};
  const Tokenizer learned = Tokenizer::learn(documents, options);
  EXPECT_EQ(learned.special_tokens().size(), 2u);
  EXPECT_EQ(learned.token_bytes(learned.vocab_size() - 2), "<s>");
  EXPECT_EQ(learned.token_bytes(learned.vocab_size() - 1), "</s>");
  EXPECT_GT(learned.vocab_size(), 258);
  for (std::int32_t id = 0; id < learned.vocab_size() - 2; ++id) {
    EXPECT_NE(learned.token_bytes(id), "<s>");
    EXPECT_NE(learned.token_bytes(id), "</s>");
  }
  options.special_tokens = {};
  EXPECT_TRUE(Tokenizer::learn(documents, options).special_tokens().empty());
}

TEST(Learner, documents_may_be_many_small_or_empty) {
  Learner learner({.vocab_size = 300, .threads = 2});
  for (int i = 0; i < 50'000; ++i) {
    learner.add(i % 2 == 0 ? "ab" : "");
    learner.end_document();
    learner.end_document();
  }
  const Tokenizer learned = learner.finish();
  EXPECT_EQ(learner.report().documents, 25'000u);
  EXPECT_EQ(learner.report().pieces, 25'000u);
  EXPECT_EQ(learner.report().unique_pieces, 1u);
  EXPECT_EQ(learned.merge_count(), 1);
}

TEST(Learner, files_are_documents) {
  const TempFolder folder;
  const std::string corpus = read_fixture("learn_corpus.txt");
  std::ofstream(folder.path() / "text", std::ios::binary) << corpus;
  Learner learner({.vocab_size = 500});
  learner.add_file(folder.path() / "text");
  EXPECT_EQ(learner.finish().merges_txt(), learn_whole(corpus, {.vocab_size = 500}));
  EXPECT_EQ(learner.report().documents, 1u);
}

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Learner, what_the_user_gave_wrong_is_one_line) {
  const auto learn = [](const LearnOptions& options) {
    return error_of([&] { Learner learner(options); });
  };
  LearnOptions options{.vocab_size = 300};
  options.memory_limit = 1000;
  EXPECT_EQ(learn(options),
            "learning: the memory limit must be at least 4 MiB (0: none), but got 1000 bytes");
  options.memory_limit = 4 * kMiB;
  options.vocab_size = 50'000;
  EXPECT_NE(learn(options).find("a vocabulary of 50000 tokens needs a memory limit of"),
            std::string::npos);
  options = {.vocab_size = 257};
  options.special_tokens = {"<a>", "<b>"};
  EXPECT_EQ(learn(options),
            "learning: vocab_size must be at least 258 (256 bytes, 2 special), but got 257");
  options.special_tokens = {"end"};
  EXPECT_NE(learn(options).find("'end'"), std::string::npos);
  options.special_tokens = {"<a>", "<a>"};
  EXPECT_NE(learn(options).find("given twice"), std::string::npos);

  Learner learner({.vocab_size = 300});
  EXPECT_EQ(error_of([&] { learner.add_file("no/such/file"); }),
            "no/such/file: cannot read it: No such file or directory");
  EXPECT_NE(error_of([&] { learner.add_file("/"); }).find("directory"), std::string::npos);
}

TEST(Learner, a_piece_beyond_the_memory_limit_is_an_error) {
  Learner learner({.vocab_size = 300, .memory_limit = 4 * kMiB});
  const std::string word(3'000'000, 'a');
  EXPECT_NE(error_of([&] { learner.add(word); }).find("a piece that begins at byte 0"),
            std::string::npos);
}

TEST(Learner, a_folder_that_takes_no_files_is_an_error) {
  std::mt19937 random(5);
  const std::string text = growing_text(random, 2'000'000, 20);
  LearnOptions options{.vocab_size = 300, .threads = 2, .memory_limit = 4 * kMiB};
  options.scratch = "no/such/folder";
  EXPECT_NE(error_of([&] { learn_whole(text, options); }).find("no/such/folder: cannot make"),
            std::string::npos);

  const TempFolder folder;
  options.scratch = folder.path();
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{.rlim_cur = 50'000, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string error = error_of([&] { learn_whole(text, options); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(error.find("cannot write the counts of pieces: File too large"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace gptc::tokenizer::testing
