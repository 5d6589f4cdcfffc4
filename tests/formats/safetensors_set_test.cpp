#include "frontend/formats/safetensors_set.h"

#include <gtest/gtest.h>

#include <ostream>

#include "frontend/formats/error.h"
#include "tests/formats/temp_folder.h"

namespace gptc::formats {
namespace {

using testing::message_of;
using testing::TempFolder;

constexpr const char* index_name = "model.safetensors.index.json";

/// A folder with the tensors a and b in one shard, c in another.
class Shards : public ::testing::Test {
 protected:
  Shards() {
    write("one.safetensors", {"a", "b"});
    write("two.safetensors", {"c"});
    index(R"({"metadata": {"total_size": 12, "weight_map": {"x": 3}},
        "weight_map": {"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"}})");
  }
  void write(const std::string& file, const std::vector<std::string>& names) const {
    std::vector<TensorBytes> tensors;
    for (const std::string& name : names)
      tensors.push_back({.name = name,
                         .dtype = DType::U8,
                         .shape = {static_cast<std::int64_t>(name.size())},
                         .bytes = std::as_bytes(std::span(name))});
    write_safetensors(folder_.file(file), tensors, {});
  }
  void index(std::string_view text) const { static_cast<void>(folder_.with(index_name, text)); }
  SafetensorsSet open() const { return SafetensorsSet::open(folder_.path()); }
  void expect_error(const std::string& text) const {
    const std::string message = message_of<Error>([&] { (void)open(); });
    EXPECT_NE(message.find(text), std::string::npos) << message;
  }
  TempFolder folder_;
};

TEST_F(Shards, AreOneSet) {
  const SafetensorsSet set = open();
  EXPECT_EQ(set.entries().size(), 3U);
  EXPECT_EQ(set.find("c").tensor->bytes[0], std::byte{'c'});
  EXPECT_EQ(set.find("c").file->origin(), folder_.file("two.safetensors"));
  EXPECT_EQ(set.find("d").tensor, nullptr);
  EXPECT_EQ(set.origin(), folder_.file(index_name));
}

TEST_F(Shards, OneFileGoesBeforeAnIndex) {
  write("model.safetensors", {"d"});
  EXPECT_EQ(open().entries().size(), 1U);
}

TEST_F(Shards, ATensorThatTheIndexLacks) {
  index(R"({"weight_map": {"a": "one.safetensors", "c": "two.safetensors"}})");
  expect_error(R"(tensor "b" must stand in)");
}

TEST_F(Shards, ATensorInTwoShards) {
  write("two.safetensors", {"c", "a"});
  expect_error(R"(there it is in "one.safetensors")");
}

TEST_F(Shards, ATensorThatItsShardLacks) {
  write("two.safetensors", {});
  expect_error(R"(tensor "c" must be in "two.safetensors", but is not)");
}

TEST_F(Shards, AShardThatIsMissingOrDamaged) {
  std::filesystem::remove(folder_.file("two.safetensors"));
  expect_error("two.safetensors");
  static_cast<void>(folder_.with("two.safetensors", "abc"));
  expect_error("has 3");
}

TEST_F(Shards, AFolderWithoutWeights) {
  std::filesystem::remove(folder_.file(index_name));
  expect_error("it must have model.safetensors or model.safetensors.index.json, but has neither");
  static_cast<void>(folder_.with("pytorch_model.bin", "x"));
  expect_error("pytorch_model.bin is a pickle, which can run code");
}

struct Bad {
  const char* what;
  std::string index;
  const char* expected;
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.what; }

class BadIndex : public ::testing::TestWithParam<Bad> {};

TEST_P(BadIndex, IsRejectedWithTheReason) {
  EXPECT_EQ(message_of<Error>([] { (void)parse_shard_index(GetParam().index, "i.json"); }),
            std::string("\"i.json\": ") + GetParam().expected);
}

std::string mapping(const std::string& file) { return R"({"weight_map": {"a": )" + file + "}}"; }

INSTANTIATE_TEST_SUITE_P(
    Texts, BadIndex,
    ::testing::Values(
        Bad{"Empty", "", "not valid JSON at byte 1"},
        Bad{"Cut", R"({"weight_map": {"a")", "not valid JSON at byte 20"},
        Bad{"List", "[]", "it must be a JSON object, but is an array"},
        Bad{"Number", "3", "it must be a JSON object, but is a number"},
        Bad{"NoMap", "{}", R"(it must have "weight_map")"},
        Bad{"MapIsAList", R"({"weight_map": []})",
            R"("weight_map" must be an object, but is an array)"},
        Bad{"MapIsNull", R"({"weight_map": null})",
            R"("weight_map" must be an object, but is null)"},
        Bad{"FileIsANumber", mapping("3"),
            R"(tensor "a": its file must be a string, but is a number)"},
        Bad{"FileIsAnObject", mapping("{}"),
            R"(tensor "a": its file must be a string, but is an object)"},
        Bad{"Twice", R"({"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}})",
            R"(key "a" occurs twice)"},
        Bad{"Upwards", mapping(R"("../x.safetensors")"),
            R"(tensor "a": its file must be a plain name that ends in .safetensors, but is "../x.safetensors")"},
        Bad{"Absolute", mapping(R"("/etc/x.safetensors")"),
            R"(tensor "a": its file must be a plain name that ends in .safetensors, but is "/etc/x.safetensors")"},
        Bad{"Hidden", mapping(R"(".safetensors")"),
            R"(tensor "a": its file must be a plain name that ends in .safetensors, but is ".safetensors")"},
        Bad{"ZeroByte", mapping(R"("x\u0000.safetensors")"),
            R"(tensor "a": its file must be a plain name that ends in .safetensors, but is "x\x00.safetensors")"},
        Bad{"Pickle", mapping(R"("pytorch_model.bin")"),
            R"(tensor "a": its file must be a plain name that ends in .safetensors, but is "pytorch_model.bin")"},
        Bad{"Deep", R"({"weight_map": {}, "x": )" + std::string(1000, '['),
            "nested deeper than 64"}),
    [](const auto& param_info) { return std::string(param_info.param.what); });

}  // namespace
}  // namespace gptc::formats
