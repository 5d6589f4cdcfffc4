// The ways to encode and decode besides encode() and decode(): all must give what those give.
#include <gtest/gtest.h>

#include "frontend/tokenizer/merger.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

using Ids = std::vector<std::int32_t>;

/// Words of several scripts, blanks, broken bytes and special tokens.
std::string mixed_text(std::mt19937& random, std::size_t size) {
  static const std::string_view kWords[] = {"the",
                                            " whale",
                                            " don't",
                                            "\n\n",
                                            "  ",
                                            " 1851",
                                            ", ",
                                            "<|endoftext|>",
                                            "<|endof",
                                            "\xFF\xC3",
                                            "\u6771\u4EAC\u306F\u96E8",
                                            "\u3002",
                                            " \u0441\u043B\u043E\u0432\u043E",
                                            "\U0001F600",
                                            "){\n    ",
                                            "qzxjkvw"};
  std::string text;
  while (text.size() < size) text += kWords[random() % std::size(kWords)];
  return text;
}

constexpr EncodeOptions kRecognised{.special = SpecialTokens::recognised};

TEST(EncodeWays, chunks_of_any_size_give_the_same) {
  std::mt19937 random(31);
  for (int round = 0; round < 60; ++round) {
    const std::string text = mixed_text(random, random() % 30000);
    for (const EncodeOptions options : {EncodeOptions{}, kRecognised}) {
      StreamEncoder stream(gpt2(), options);
      Ids ids;
      const std::size_t largest = std::size_t{1} << (random() % 14);
      for (std::size_t at = 0; at < text.size();) {
        const std::string_view chunk = std::string_view(text).substr(at, random() % largest + 1);
        stream.push(chunk, ids);
        ASSERT_LT(stream.held_bytes(), 8192 + 2 * largest);
        at += chunk.size();
      }
      stream.finish(ids);
      ASSERT_EQ(ids, gpt2().encode(text, options));
    }
  }
}

TEST(EncodeWays, a_stream_takes_a_second_text_after_the_first) {
  StreamEncoder stream(gpt2());
  Ids ids;
  stream.push(" Hel", ids);
  stream.push("lo", ids);
  stream.finish(ids);
  stream.finish(ids);
  stream.push(" Hello", ids);
  stream.finish(ids);
  EXPECT_EQ(ids, (Ids{18435, 18435}));
}

TEST(EncodeWays, a_stream_holds_one_endless_piece) {
  StreamEncoder stream(gpt2());
  Ids ids;
  const std::string letters(1000, 'a');
  for (int i = 0; i < 300; ++i) stream.push(letters, ids);
  EXPECT_EQ(stream.held_bytes(), 300'000u);
  stream.push(" b", ids);
  for (int i = 0; i < 400; ++i) stream.push(letters, ids);
  EXPECT_LT(stream.held_bytes(), 700'000u);
  stream.finish(ids);
  std::string text;
  for (int i = 0; i < 300; ++i) text += letters;
  text += " b";
  for (int i = 0; i < 400; ++i) text += letters;
  EXPECT_EQ(ids, gpt2().encode(text));
}

TEST(EncodeWays, threads_share_one_text) {
  std::mt19937 random(32);
  const std::string text = mixed_text(random, 3'000'000);
  for (EncodeOptions options : {EncodeOptions{}, kRecognised}) {
    options.threads = 1;
    const Ids expected = gpt2().encode(text, options);
    for (const int threads : {0, 2, 5}) {
      options.threads = threads;
      EXPECT_EQ(gpt2().encode(text, options), expected) << threads;
      EXPECT_EQ(gpt2().count(text, options), expected.size()) << threads;
    }
  }
  EXPECT_THROW(gpt2().encode("a", {.threads = -1}), Error);
}

TEST(EncodeWays, batches) {
  std::mt19937 random(33);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 200; ++i) texts.push_back(mixed_text(random, random() % 500));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  for (const int threads : {0, 1, 3}) {
    const auto ids = gpt2().encode_batch(views, {.threads = threads});
    ASSERT_EQ(ids.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(ids[i], gpt2().encode(texts[i]));
    EXPECT_EQ(gpt2().decode_batch(ids, threads), texts);
  }
  EXPECT_TRUE(gpt2().encode_batch({}).empty());
  const std::vector<Ids> bad = {{1}, {-1}};
  EXPECT_THROW(gpt2().decode_batch(bad, 2), Error);
}

TEST(EncodeWays, offsets_say_which_bytes_a_token_stands_for) {
  std::mt19937 random(34);
  const std::string text = mixed_text(random, 5000);
  const auto spans = gpt2().encode_with_offsets(text, kRecognised);
  const Ids ids = gpt2().encode(text, kRecognised);
  ASSERT_EQ(spans.size(), ids.size());
  std::size_t end = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(spans[i].id, ids[i]);
    EXPECT_EQ(spans[i].begin, end);
    end = spans[i].end;
    EXPECT_EQ(text.substr(spans[i].begin, end - spans[i].begin), gpt2().token_bytes(ids[i]));
  }
  EXPECT_EQ(end, text.size());
}

TEST(EncodeWays, decoding_joins_the_bytes_of_tokens_of_any_length) {
  std::mt19937 random(31);
  std::vector<Ids> by_length(200);
  for (std::int32_t id = 0; id < gpt2().vocab_size(); ++id) {
    by_length.at(gpt2().token_bytes(id).size()).push_back(id);
  }
  std::erase_if(by_length, [](const Ids& ids) { return ids.empty(); });
  for (const bool mostly_short : {false, true}) {
    for (const std::size_t count : {1u, 2u, 511u, 512u, 513u, 1024u, 3000u}) {
      Ids ids;
      std::string expected;
      for (std::size_t i = 0; i < count; ++i) {
        const bool is_short = mostly_short && random() % 64 != 0;
        const Ids& some = by_length[random() % (is_short ? 3 : by_length.size())];
        ids.push_back(some[random() % some.size()]);
        expected += gpt2().token_bytes(ids.back());
      }
      EXPECT_EQ(gpt2().decode(ids), expected) << count;
      for (const std::int32_t wrong : {50257, 65535, -1}) {
        ids.push_back(wrong);
        std::string bytes = "kept";
        EXPECT_THROW(gpt2().decode_into(ids, bytes), Error);
        EXPECT_EQ(bytes, "kept");
        ids.pop_back();
      }
    }
  }
}

TEST(EncodeWays, decode_into_appends_or_leaves_as_it_was) {
  std::string bytes = "so: ";
  gpt2().decode_into(Ids{15496, 35496, 995}, bytes);
  EXPECT_EQ(bytes, "so: Hello" + std::string(gpt2().token_bytes(35496)) + " world");
  const std::string before = bytes;
  EXPECT_THROW(gpt2().decode_into(Ids{15496, 50257}, bytes), Error);
  EXPECT_EQ(bytes, before);
}

TEST(EncodeWays, many_threads_may_use_one_tokenizer) {
  std::mt19937 random(35);
  std::vector<std::string> texts;
  std::vector<std::string_view> views;
  for (std::size_t i = 0; i < 8; ++i) texts.push_back(mixed_text(random, 20000));
  for (int i = 0; i < 64; ++i) views.push_back(texts[static_cast<std::size_t>(i) % texts.size()]);
  const auto ids = gpt2().encode_batch(views, {.threads = 8});
  for (std::size_t i = 0; i < views.size(); ++i) EXPECT_EQ(ids[i], ids[i % texts.size()]);
}

/// What merging costs is counted, not timed: pairs looked up and tried.
TEST(Merger, work_is_linear_in_one_long_piece) {
  std::mt19937 random(36);
  std::string hard;
  for (std::size_t i = 0; i < 400'000; ++i) hard += static_cast<char>('a' + random() % 26);
  std::vector<std::pair<std::string, std::string>> pieces = {
      {"one word", hard},
      {"spaces", std::string(400'000, ' ')},
      {"one letter", std::string(400'000, 'a')}};
  for (const std::string_view unit : {"ab", "abc", "the", " \n", "=-", "\u6771\u4EAC", "aab"}) {
    std::string text;
    while (text.size() < 400'000) text += unit;
    pieces.emplace_back(unit, text);
  }
  for (const auto& piece : pieces) {
    const std::string& name = piece.first;
    const std::string& text = piece.second;
    const auto work_of = [&](std::size_t size) {
      Merger merger(gpt2().vocabulary());
      Ids ids;
      merger.merge(std::string_view(text).substr(0, size), ids);
      EXPECT_EQ(gpt2().decode(ids), text.substr(0, size));
      return static_cast<double>(merger.work()) / static_cast<double>(size);
    };
    const double small = work_of(40'000);
    const double large = work_of(text.size());
    EXPECT_LT(large, 8) << name;
    EXPECT_LT(large, 1.2 * small) << name << ": the work a byte grows with the size";
  }
}

/// One window as long as the piece is the rule without windows (bpe_test.cpp compares that with the
/// rule taken literally for pieces of one window); here windows are joined many times.
TEST(Merger, windows_join_to_what_the_whole_gives) {
  std::mt19937 random(37);
  for (const std::string_view alphabet : {"a", "ab", "aab ", "abcdefgh", "a=-"}) {
    const std::string document = random_text(random, alphabet, 4000);
    const std::string_view documents[] = {document};
    const Tokenizer learned =
        Tokenizer::learn(documents, {.vocab_size = 700, .pattern = Pattern::none});
    for (int round = 0; round < 4; ++round) {
      const std::string piece = random_text(random, alphabet, 20'000 + random() % 100);
      Merger merger(learned.vocabulary());
      Ids ids;
      merger.merge(piece, ids);
      // Each two neighbours must be the merged form of their bytes: see merger.h.
      Ids pair;
      for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
        pair.clear();
        merger.merge(
            std::string(learned.token_bytes(ids[i])).append(learned.token_bytes(ids[i + 1])), pair);
        ASSERT_EQ(pair, (Ids{ids[i], ids[i + 1]}));
      }
      ASSERT_EQ(learned.decode(ids), piece);
    }
  }
}

}  // namespace
}  // namespace gptc::tokenizer::testing
