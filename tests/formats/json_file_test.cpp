#include "frontend/formats/json_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "frontend/formats/error.h"
#include "tests/formats/temp_folder.h"

namespace gptc::formats {
namespace {

using gptc::testing::message_of;
using gptc::testing::TempFolder;

std::string why(const std::string& text) {
  return message_of<Error>([&] { (void)Document::parse(text, "c.json"); });
}

Document doc(const std::string& text) { return Document::parse(text, "c.json"); }

TEST(Document, RoundTripsEveryFormThroughAFile) {
  const TempFolder folder;
  Document out;
  out.set_int("layers", -12);
  out.set_uint("seed", std::numeric_limits<std::uint64_t>::max());
  out.set_double("eps", 1e-5);
  out.set_double("one", 1.0);
  out.set_bool("tied", true);
  out.set_string("name", "na\xc3\xafve \"quoted\"\n\x01");
  out.set_strings("architectures", {"GPT2LMHeadModel", "b"});
  out.set_strings("none", {});
  out.set_null("n_inner");
  out.set_double("loss", std::nan(""));
  out.save(folder.file("c.json"));

  const Document in = Document::open(folder.file("c.json"));
  EXPECT_EQ(in.get_int("layers"), -12);
  EXPECT_EQ(in.get_uint("seed"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(in.get_double("eps"), 1e-5);
  EXPECT_EQ(in.get_double("one"), 1.0);
  EXPECT_EQ(in.get_double("layers"), -12.0);
  EXPECT_TRUE(in.get_bool("tied"));
  EXPECT_EQ(in.get_string("name"), "na\xc3\xafve \"quoted\"\n\x01");
  EXPECT_EQ(in.get_strings("architectures"), (std::vector<std::string>{"GPT2LMHeadModel", "b"}));
  EXPECT_TRUE(in.get_strings("none").empty());
  EXPECT_FALSE(in.has("n_inner"));
  EXPECT_FALSE(in.has("loss"));
  EXPECT_FALSE(in.has("absent"));
  EXPECT_EQ(in.keys(), out.keys());
  EXPECT_EQ(in.to_text(), out.to_text());
}

TEST(Document, DoublesKeepEveryBit) {
  for (const double value :
       {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789012345680.0}) {
    Document out;
    out.set_double("x", value);
    const double back = doc(out.to_text()).get_double("x");
    EXPECT_EQ(back, value);
    EXPECT_EQ(std::signbit(back), std::signbit(value));
  }
}

TEST(Document, SettingAgainReplacesInPlace) {
  Document out;
  out.set_int("a", 1);
  out.set_int("b", 2);
  out.set_int("a", 3);
  EXPECT_EQ(out.to_text(), "{\n  \"a\": 3,\n  \"b\": 2\n}\n");
}

TEST(Document, NestedValuesArePresentButNotRead) {
  const Document in =
      doc(R"({"a": {"b": [1, {"c": "x"}]}, "d": [1, 2], "e": ["x", ["y"]], "f": 7})");
  EXPECT_EQ(in.keys(), (std::vector<std::string>{"a", "d", "e", "f"}));
  EXPECT_EQ(in.get_int("f"), 7);
  for (const char* key : {"a", "d", "e"}) {
    EXPECT_TRUE(in.has(key));
    EXPECT_EQ(message_of<Error>([&] { (void)in.get_strings(key); }),
              std::string("\"c.json\": \"") + key +
                  "\" must be a list of strings, but is an object or a mixed list");
  }
}

TEST(Document, GettersNameFileKeyRuleAndValue) {
  const Document in =
      doc(R"({"n": 0, "x": 1.5, "s": "t", "big": 18446744073709551615, "neg": -1})");
  EXPECT_EQ(message_of<Error>([&] { (void)in.get_int("n", 1, 64); }),
            R"("c.json": "n" must be a whole number from 1 to 64, but is 0)");
  EXPECT_EQ(message_of<Error>([&] { (void)in.get_int("x", 1, 64); }),
            R"("c.json": "x" must be a whole number from 1 to 64, but is 1.5)");
  EXPECT_EQ(message_of<Error>([&] { (void)in.get_double("x", 0, 1); }),
            R"("c.json": "x" must be a number from 0 to 1, but is 1.5)");
  EXPECT_EQ(message_of<Error>([&] { (void)in.get_double("s"); }),
            R"("c.json": "s" must be a number, but is "t")");
  EXPECT_EQ(message_of<Error>([&] { (void)in.get_bool("s"); }),
            R"("c.json": "s" must be true or false, but is "t")");
  EXPECT_EQ(message_of<Error>([&] { (void)in.get_string("n"); }),
            R"("c.json": "n" must be a string, but is 0)");
  EXPECT_EQ(message_of<Error>([&] { (void)in.get_string("q"); }),
            R"("c.json": key "q" is missing)");
  EXPECT_NE(message_of<Error>([&] { (void)in.get_int("big"); }).find("18446744073709551615"),
            std::string::npos);
  EXPECT_NE(message_of<Error>([&] { (void)in.get_uint("neg"); }).find("-1"), std::string::npos);
}

TEST(Document, RejectsTextThatIsNotStrictJson) {
  EXPECT_EQ(why(R"({"a": 1, "a": 2})"), R"("c.json": key "a" occurs twice)");
  EXPECT_EQ(why(R"({"a": {"b": 1, "b": 2}})"), R"("c.json": key "b" occurs twice)");
  EXPECT_EQ(why("[1]"), R"("c.json": it must be a JSON object)");
  EXPECT_EQ(why("3"), R"("c.json": it must be a JSON object)");
  for (const char* text :
       {"", "{", R"({"a":})", R"({"a":1}})", R"({"a":1,})", "{'a':1}", R"({"a":NaN})",
        R"({"a":1e999})", "{\"a\":\"\xff\"}", R"({"a":01})", "{} x"})
    EXPECT_NE(why(text).find("not valid JSON at byte"), std::string::npos) << text;
}

TEST(Document, RejectsDeepNestingAndLargeFiles) {
  EXPECT_EQ(why("{\"a\":" + std::string(100000, '[')), R"("c.json": nested deeper than 64)");
  std::string deep = "{\"a\":" + std::string(63, '[') + std::string(63, ']') + '}';
  EXPECT_TRUE(doc(deep).has("a"));
  EXPECT_NE(why(std::string(Document::max_bytes + 1, ' ')).find("may take"), std::string::npos);
}

TEST(Document, RefusesToWriteWhatIsNotUtf8) {
  Document out;
  out.set_string("a", "\xff");
  EXPECT_NE(message_of<Error>([&] { (void)out.to_text(); }).find("UTF-8"), std::string::npos);
}

}  // namespace
}  // namespace gptc::formats
