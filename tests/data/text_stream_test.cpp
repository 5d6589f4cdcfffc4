#include "frontend/data/text_stream.h"

#include <gtest/gtest.h>

#include <random>

#include "frontend/data/error.h"
#include "tests/formats/temp_folder.h"

namespace gptc::data {
namespace {

using gptc::testing::message_of;
using gptc::testing::TempFolder;

TEST(TextStream, GivesEveryByteInParts) {
  const TempFolder folder;
  std::mt19937 random(2);
  std::string text;
  for (int i = 0; i < 10000; ++i) text += static_cast<char>('a' + random() % 26);
  const std::string first = folder.with("a.txt", text);
  const std::string second = folder.with("b.txt", "short");
  for (const std::size_t most : {1U, 7U, 5U, 4096U, 10000U, 1U << 20}) {
    TextStream stream({first, second});
    EXPECT_EQ(stream.total_bytes(), 10005U);
    std::vector<std::string> documents;
    while (stream.next_document()) {
      std::string& document = documents.emplace_back();
      while (stream.read(document, most)) continue;
    }
    EXPECT_EQ(documents, (std::vector<std::string>{text, "short"})) << most;
  }
}

TEST(TextStream, RefusesWhatIsNoText) {
  const TempFolder folder;
  const auto why = [&](const std::string& path) {
    return message_of<Error>([&] {
      TextStream stream({path});
      std::string text;
      while (stream.next_document()) {
        while (stream.read(text, 4)) continue;
      }
    });
  };
  const std::string binary = folder.with("x.dat", std::string("abcdefg\0", 8));
  EXPECT_NE(why(binary).find("x.dat: byte 7 is NUL"), std::string::npos);
  EXPECT_NE(why(folder.with("e.txt", "")).find("e.txt: the file is empty"), std::string::npos);
  EXPECT_NE(why(folder.file("none.txt")).find("cannot read"), std::string::npos);
  EXPECT_NE(why("/dev/null").find("it is not a regular file"), std::string::npos);
  TextStream any({binary}, Contents::any_bytes);
  std::string text;
  ASSERT_TRUE(any.next_document());
  EXPECT_FALSE(any.read(text, 100));
  EXPECT_EQ(text.size(), 8U);
  EXPECT_FALSE(any.next_document());
}

}  // namespace
}  // namespace gptc::data
