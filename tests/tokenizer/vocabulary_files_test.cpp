#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for a test, removed afterwards.
class VocabularyFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() /
              (std::string("gptc_tokenizer_") + info->name() + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  /// The message that loading the folder ends with.
  std::string load_error() const {
    try {
      Tokenizer::load(folder_);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path folder_;
};

const Tokenizer& small() {
  static const std::string_view documents[] = {"low lower lowest low low # ## ###"};
  static const Tokenizer tokenizer =
      Tokenizer::learn(documents, {.vocab_size = 264, .min_frequency = 1});
  return tokenizer;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == text.npos) throw std::logic_error("nothing to replace: " + std::string(from));
  return text.replace(at, from.size(), to);
}

TEST_F(VocabularyFiles, gpt2_is_written_back_as_it_was_read) {
  EXPECT_EQ(gpt2().merges_txt(), read_whole(gpt2_folder() / "vocab.bpe"));
  EXPECT_EQ(nlohmann::json::parse(gpt2().vocab_json()),
            nlohmann::json::parse(read_whole(gpt2_folder() / "encoder.json")));
}

TEST_F(VocabularyFiles, both_pairs_of_names_load) {
  write("vocab.json", small().vocab_json());
  write("merges.txt", small().merges_txt());
  const Tokenizer again = Tokenizer::load(folder_);
  EXPECT_EQ(again.vocab_json(), small().vocab_json());
  EXPECT_EQ(again.merges_txt(), small().merges_txt());
  EXPECT_EQ(again.end_of_text(), 263);
  fs::rename(folder_ / "vocab.json", folder_ / "encoder.json");
  fs::rename(folder_ / "merges.txt", folder_ / "vocab.bpe");
  EXPECT_EQ(Tokenizer::load(folder_).vocab_json(), small().vocab_json());
}

TEST_F(VocabularyFiles, missing_files_are_named) {
  EXPECT_NE(load_error().find("expected vocab.json and merges.txt, or encoder.json and vocab.bpe"),
            std::string::npos);
  write("vocab.json", small().vocab_json());
  EXPECT_NE(load_error().find("expected vocab.json and merges.txt"), std::string::npos);
  fs::create_directory(folder_ / "merges.txt");
  EXPECT_NE(load_error().find("merges.txt: cannot be read"), std::string::npos) << load_error();
}

TEST_F(VocabularyFiles, other_special_tokens_and_orders_of_ids_load) {
  // As Hugging Face's trainer numbers them: special tokens first.
  std::string vocab = "{\"<pad>\": 0, \"<|endoftext|>\": 1";
  for (std::int32_t id = 0; id < 263; ++id) {
    vocab += ", " + nlohmann::json(small().token_text(id)).dump() + ": " + std::to_string(id + 2);
  }
  const Tokenizer shifted = Tokenizer::parse(vocab + "}", small().merges_txt());
  EXPECT_EQ(shifted.end_of_text(), 1);
  EXPECT_EQ(shifted.special_tokens().size(), 2u);
  auto ids = small().encode("lower <pad>");
  for (auto& id : ids) id += 2;
  EXPECT_EQ(shifted.encode("lower <pad>"), ids);
  const auto with_pad = shifted.encode("a<pad>", {.special = SpecialTokens::recognised});
  EXPECT_EQ(with_pad.back(), 0);
  EXPECT_EQ(Tokenizer::parse(shifted.vocab_json(), shifted.merges_txt()).vocab_json(),
            shifted.vocab_json());
}

struct Damage {
  const char* file;  // which of the two to change
  const char* from;
  const char* to;
  const char* message;
};

TEST_F(VocabularyFiles, damage_is_reported_with_its_place) {
  const Damage cases[] = {
      {"merges.txt", "#version: 0.2\n", "", "merges.txt: line 1: the first line must be a header"},
      {"merges.txt", "lo w\n", "low\n", "merges.txt: line 3: a merge is two tokens"},
      {"merges.txt", "lo w\n", "lo  w\n", "merges.txt: line 3: a merge is two tokens"},
      {"merges.txt", "lo w\n", "lo w x\n", "merges.txt: line 3: a merge is two tokens"},
      {"merges.txt", "lo w\n", " w\n", "merges.txt: line 3: a merge is two tokens"},
      {"merges.txt", "lo w\n", "\nlo w\n", "merges.txt: line 3: a merge is two tokens"},
      {"merges.txt", "lo w\n", "lo w\r\n", "merges.txt: line 3: token \"w\\r\" is not in the voc"},
      {"merges.txt", "lo w\n", "lo \xFF\n", "merges.txt: line 3: token"},
      {"merges.txt", "lo w\n", "lo low\n", "merges.txt: line 3: token \"lolow\" is not in the voc"},
      {"merges.txt", "lo w\n", "lo w\nlo w\n", "line 4: merge \"lo w\" stands in line 3 already"},
      {"merges.txt", "lo w\n", "", "merges.txt: line 3: token \"low\" is no byte and"},
      {"merges.txt", "s t\n", "", "token \"st\" is no byte, no merge of"},
      {"vocab.json", "\"!\": 0, ", "\"!\": 0, \"!\": 1, ", "token \"!\" occurs twice"},
      {"vocab.json", "\"!\": 0, ", "\"!\": 1, ", "which \"!\" has already"},
      {"vocab.json", "\"!\": 0, ", "\"!\": 264, ", "byte 4: token \"!\" has id 264, but"},
      {"vocab.json", "\"!\": 0, ", "\"!\": -1, ", "the id of \"!\" is not an integer"},
      {"vocab.json", "\"!\": 0, ", "\"!\": 0.5, ", "the id of \"!\" is not an integer"},
      {"vocab.json", "\"!\": 0, ", "\"!\": \"0\", ", "the id of \"!\" is not an integer"},
      {"vocab.json", "\"!\": 0, ", "\"!\": 99999999999, ", "the id of \"!\" is not an integer"},
      {"vocab.json", "\"!\": 0, ", "\"!\": {}, ", "the id of \"!\" is not an integer"},
      {"vocab.json", "\"!\": 0, ", "\"!\": [0], ", "the id of \"!\" is not an integer"},
      {"vocab.json", "\"!\": 0, ", "\"!\": null, ", "the id of \"!\" is not an integer"},
      {"vocab.json", "\"!\": 0, ", "\"\": 0, ", "an empty token"},
      {"vocab.json", "\"!\": 0, ", "\"word\": 0, ", "no token for byte 33, written \"!\""},
      {"vocab.json", "\"!\": 0, ", "\"!\" 0, ", "vocab.json: byte 6: not valid JSON"},
      {"vocab.json", "<|endoftext|>", "endoftext", "token \"endoftext\" is no byte, no merge of"},
      {"vocab.json", "}\n", "", "not valid JSON"},
      {"vocab.json", "}\n", "}}", "not valid JSON"},
      {"vocab.json", "{", "[", "vocab.json: byte 1: not an object"},
  };
  for (const Damage& damage : cases) {
    const bool in_vocab = std::string_view(damage.file) == "vocab.json";
    const std::string vocab = small().vocab_json();
    const std::string merges = small().merges_txt();
    write("vocab.json", in_vocab ? replaced(vocab, damage.from, damage.to) : vocab);
    write("merges.txt", in_vocab ? merges : replaced(merges, damage.from, damage.to));
    const std::string message = load_error();
    EXPECT_NE(message.find(damage.message), std::string::npos)
        << damage.from << " -> " << damage.to << " gave: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_NE(message.find(folder_.string()), std::string::npos) << message;
  }
}

TEST_F(VocabularyFiles, a_merge_of_a_special_token_is_an_error) {
  const std::string vocab = replaced(small().vocab_json(), "}\n", ", \"<|endoftext|>a\": 264}");
  try {
    Tokenizer::parse(vocab, small().merges_txt() + "<|endoftext|> a\n");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("merges.txt: line 9: token \"<|endoftext|>\""),
              std::string::npos)
        << error.what();
  }
}

TEST_F(VocabularyFiles, empty_files_are_errors) {
  EXPECT_THROW(Tokenizer::parse("", small().merges_txt()), Error);
  EXPECT_THROW(Tokenizer::parse("{}", "#version: 0.2\n"), Error);
  EXPECT_THROW(Tokenizer::parse("5", small().merges_txt()), Error);
  EXPECT_THROW(Tokenizer::parse(small().vocab_json(), ""), Error);
}

TEST_F(VocabularyFiles, random_damage_is_an_error_or_a_working_tokenizer) {
  std::mt19937 random(19);
  int errors = 0;
  constexpr int kRounds = 3000;
  for (int round = 0; round < kRounds; ++round) {
    std::string files[2] = {small().vocab_json(), small().merges_txt()};
    std::string& file = files[random() % 2];
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % file.size();
      switch (random() % 3) {
        case 0:
          file[at] = static_cast<char>(random() & 0xFF);
          break;
        case 1:
          file.erase(at, 1 + random() % 20);
          break;
        default:
          file.insert(at, file.substr(random() % file.size(), 1 + random() % 20));
          break;
      }
    }
    try {
      const Tokenizer tokenizer = Tokenizer::parse(files[0], files[1]);
      const std::string text = random_bytes(random, 100) + " lowest low ###";
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    } catch (const Error&) {
      ++errors;
    }
  }
  EXPECT_GT(errors, kRounds / 2);
}

}  // namespace
}  // namespace gptc::tokenizer::testing
