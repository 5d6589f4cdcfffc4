#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <random>

#include "frontend/formats/error.h"
#include "frontend/formats/gguf.h"
#include "tests/formats/temp_folder.h"

namespace gptc::formats {
namespace {

using gptc::testing::message_of;

template <class T>
std::string number(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
std::string u32(std::uint32_t value) { return number(value); }
std::string u64(std::uint64_t value) { return number(value); }
std::string text(const std::string& value) { return u64(value.size()) + value; }

constexpr std::uint32_t kind_u8 = 0;
constexpr std::uint32_t kind_u32 = 4;
constexpr std::uint32_t kind_bool = 7;
constexpr std::uint32_t kind_text = 8;
constexpr std::uint32_t kind_array = 9;
constexpr std::uint64_t huge = ~std::uint64_t{0};

/// A file part by part, so that each part can be spoiled.
struct Parts {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::vector<std::string> keys = {text("k") + u32(kind_u32) + u32(1)};
  std::vector<std::string> tensors = {tensor("a", {4}), tensor("b", {2, 3}, 0, 32)};
  std::uint64_t tensor_count = 2;
  std::uint64_t key_count = 1;
  std::size_t data_bytes = 56;

  static std::string tensor(const std::string& name, const std::vector<std::uint64_t>& sizes,
                            std::uint32_t type = 0, std::uint64_t offset = 0) {
    std::string bytes = text(name) + u32(static_cast<std::uint32_t>(sizes.size()));
    for (const std::uint64_t size : sizes) bytes += u64(size);
    return bytes + u32(type) + u64(offset);
  }

  [[nodiscard]] std::string file() const {
    std::string bytes = magic + u32(version) + u64(tensor_count) + u64(key_count);
    for (const std::string& key : keys) bytes += key;
    for (const std::string& info : tensors) bytes += info;
    bytes.resize((bytes.size() + 31) / 32 * 32);
    return bytes + std::string(data_bytes, '\1');
  }
};

std::string with(void (*spoil)(Parts&)) {
  Parts parts;
  spoil(parts);
  return parts.file();
}
/// With this one key.
std::string with_key(const std::string& key) {
  Parts parts;
  parts.keys = {key};
  return parts.file();
}
/// With this one tensor over `bytes` of data.
std::string with_tensor(const std::string& tensor, std::size_t bytes = 16) {
  Parts parts;
  parts.tensors = {tensor};
  parts.tensor_count = 1;
  parts.data_bytes = bytes;
  return parts.file();
}

GgufFile parse(const std::string& file) {
  return GgufFile::parse(std::as_bytes(std::span(file)), "m.gguf");
}

struct Hostile {
  const char* what;
  std::string file;
  const char* expected;  // a part of the message, which begins with the file's name
};

void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.what; }

std::string name_of(const ::testing::TestParamInfo<Hostile>& test) { return test.param.what; }

class HostileGguf : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileGguf, IsRejectedWithTheReason) {
  const std::string message = message_of<Error>([] { (void)parse(GetParam().file); });
  EXPECT_TRUE(message.starts_with("\"m.gguf\": ")) << message;
  EXPECT_NE(message.find(GetParam().expected), std::string::npos) << message;
}

TEST(Gguf, ThePartsAloneAreGood) {
  const std::string bytes = Parts().file();
  const GgufFile file = parse(bytes);
  EXPECT_EQ(file.find("b")->shape, (std::vector<std::int64_t>{3, 2}));
  const std::string padded = with([](Parts& parts) { parts.data_bytes = 64; });
  EXPECT_EQ(parse(padded).tensors().size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(
    Start, HostileGguf,
    ::testing::Values(
        Hostile{"Empty", "", "the magic GGUF takes 4 bytes, but 0 are left"},
        Hostile{"Magic", with([](Parts& parts) { parts.magic = "GGML"; }), "no GGUF file"},
        Hostile{"VersionOne", with([](Parts& parts) { parts.version = 1; }), "2 or 3, but is 1"},
        Hostile{"VersionFour", with([](Parts& parts) { parts.version = 4; }), "2 or 3, but is 4"},
        Hostile{"BigEndian", with([](Parts& parts) { parts.version = 0x03000000; }),
                "(a big-endian file)"},
        Hostile{"TensorCountAllOnes", with([](Parts& parts) { parts.tensor_count = huge; }),
                "the number of tensors is 18446744073709551615"},
        Hostile{"TensorCountTimesSizeOverflows",
                with([](Parts& parts) { parts.tensor_count = (huge / 24) + 2; }),
                "the number of tensors is"},
        Hostile{"TensorCountBeyondFile", with([](Parts& parts) { parts.tensor_count = 100; }),
                "the number of tensors is 100, which takes at least 24 bytes each"},
        Hostile{"OneTensorTooMany", with([](Parts& parts) {
                  parts.tensor_count = 3;
                  parts.data_bytes = 0;
                }),
                "cut short"},
        Hostile{"KeyCountAllOnes", with([](Parts& parts) { parts.key_count = huge; }),
                "the number of keys is 18446744073709551615"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Keys, HostileGguf,
    ::testing::Values(
        Hostile{"LengthAllOnes", with_key(u64(huge) + "k"), "a key may have 65535 bytes"},
        Hostile{"LengthBeyondFile", with_key(u64(60000) + "k"), "cut short"},
        Hostile{"NoName", with_key(text("") + u32(kind_u32) + u32(1)), "a key is empty"},
        Hostile{"Twice", with([](Parts& parts) {
                  parts.keys.push_back(parts.keys[0]);
                  parts.key_count = 2;
                }),
                R"(key "k" occurs twice)"},
        Hostile{"UnknownType", with_key(text("k") + u32(13) + u32(1)), "unknown type 13"},
        Hostile{"UnknownElementType",
                with_key(text("k") + u32(kind_array) + u32(77) + u64(1) + u32(1)),
                "unknown type 77"},
        Hostile{"ArrayOfArrays",
                with_key(text("k") + u32(kind_array) + u32(kind_array) + u64(1) + u32(kind_array)),
                R"(key "k" must not be an array of arrays)"},
        Hostile{"ArrayLengthAllOnes",
                with_key(text("k") + u32(kind_array) + u32(kind_u32) + u64(huge)),
                R"(key "k"'s length is 18446744073709551615)"},
        Hostile{"ArrayLengthTimesSizeOverflows",
                with_key(text("k") + u32(kind_array) + u32(kind_u32) + u64((huge / 4) + 2)),
                R"(key "k"'s length is)"},
        Hostile{"ArrayOfTextsBeyondFile",
                with_key(text("k") + u32(kind_array) + u32(kind_text) + u64(1000)),
                "takes at least 8 bytes each"},
        Hostile{"ArrayOfBytesBeyondFile",
                with_key(text("k") + u32(kind_array) + u32(kind_u8) + u64(1000)),
                "takes at least 1 bytes each"},
        Hostile{"TextLengthAllOnes", with_key(text("k") + u32(kind_text) + u64(huge)),
                "takes 18446744073709551615 bytes"},
        Hostile{"BoolThatIsNone", with_key(text("k") + u32(kind_bool) + "\2"),
                R"(key "k" must be true (1) or false (0), but is 2)"},
        Hostile{"EscapeInName", with_key(text("\x1b[2J") + u32(99) + u32(1)), R"("\x1b[2J")"},
        Hostile{"AlignmentZero", with_key(text("general.alignment") + u32(kind_u32) + u32(0)),
                "must be a power of two up to 4096, but is 0"},
        Hostile{"AlignmentThree", with_key(text("general.alignment") + u32(kind_u32) + u32(3)),
                "must be a power of two up to 4096, but is 3"},
        Hostile{"AlignmentHuge",
                with_key(text("general.alignment") + u32(kind_u32) + u32(0x80000000U)),
                "must be a power of two up to 4096"},
        Hostile{"AlignmentIsAText",
                with_key(text("general.alignment") + u32(kind_text) + text("32")),
                "must be a whole number"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Tensors, HostileGguf,
    ::testing::Values(
        Hostile{"NameTooLong", with_tensor(Parts::tensor(std::string(64, 'x'), {4})),
                "may have 63 bytes, but claims 64"},
        Hostile{"Twice", with([](Parts& parts) { parts.tensors[1] = parts.tensors[0]; }),
                R"(tensor "a" occurs twice)"},
        Hostile{"FiveDimensions", with_tensor(Parts::tensor("t", {1, 1, 1, 1, 1})),
                R"(tensor "t": it may have 4 dimensions, but claims 5)"},
        Hostile{"DimensionCountAllOnes",
                with_tensor(text("t") + u32(~0U) + u64(1) + u64(1) + u64(1)), "claims 4294967295"},
        Hostile{"DimensionZero", with_tensor(Parts::tensor("t", {0})),
                "a dimension must be from 1 to 2^63-1, but is 0"},
        Hostile{"DimensionNegative", with_tensor(Parts::tensor("t", {huge})),
                "a dimension must be from 1 to 2^63-1, but is 18446744073709551615"},
        Hostile{
            "ElementsOverflow",
            with_tensor(Parts::tensor("t", {std::uint64_t{1} << 32, std::uint64_t{1} << 32})),
            R"(tensor "t" f32[4294967296,4294967296]: its size is negative or exceeds 64 bits)"},
        Hostile{"BytesOverflow", with_tensor(Parts::tensor("t", {std::uint64_t{1} << 62})),
                "exceeds 64 bits"},
        Hostile{"ExabyteTensor", with_tensor(Parts::tensor("t", {std::uint64_t{1} << 58})),
                "its 1152921504606846976 bytes begin at byte 0 of the data, but there are 16"},
        Hostile{"UnknownType", with_tensor(Parts::tensor("t", {4}, 3)),
                "must be F32 (0), F16 (1), Q4_0 (2), Q8_0 (8) or BF16 (30), but is 3"},
        Hostile{"RowsThatAreNoBlocks", with_tensor(Parts::tensor("t", {33}, 8)),
                "whole blocks of 32"},
        Hostile{
            "OffsetNotZero", with_tensor(Parts::tensor("t", {4}, 0, 32)),
            R"(tensor "t": it must begin at byte 0 of the data, behind the one before, but begins at 32)"},
        Hostile{"OffsetAllOnes", with_tensor(Parts::tensor("t", {4}, 0, huge)),
                "begins at 18446744073709551615"},
        Hostile{"Overlap", with([](Parts& parts) {
                  parts.tensors[1] = Parts::tensor("b", {2, 3});
                }),
                R"(tensor "b": it must begin at byte 32)"},
        Hostile{"Hole", with([](Parts& parts) {
                  parts.tensors[1] = Parts::tensor("b", {2, 3}, 0, 64);
                  parts.data_bytes = 88;
                }),
                R"(tensor "b": it must begin at byte 32)"},
        Hostile{"NotAligned", with([](Parts& parts) {
                  parts.tensors[1] = Parts::tensor("b", {2, 3}, 0, 16);
                }),
                R"(tensor "b": it must begin at byte 32)"},
        Hostile{"DataCutShort", with([](Parts& parts) { parts.data_bytes = 55; }), "cut short"},
        Hostile{"NoData", with([](Parts& parts) { parts.data_bytes = 0; }), "cut short"},
        Hostile{"BytesAfterTheData", with([](Parts& parts) { parts.data_bytes = 65; }),
                "but the file has 9 more bytes"}),
    name_of);

TEST(Gguf, EveryTruncationIsRejected) {
  const std::string whole = Parts().file();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW((void)parse(whole.substr(0, size)), Error) << size;
}

TEST(Gguf, MutatedFilesNeverDoMoreThanThrow) {
  Parts parts;
  parts.keys.push_back(text("texts") + u32(kind_array) + u32(kind_text) + u64(2) + text("x") +
                       text("yz"));
  parts.key_count = 2;
  const std::string whole = parts.file();
  std::mt19937_64 random(11);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string file = whole;
    for (std::uint64_t edits = random() % 3 + 1; edits > 0; --edits) {
      const std::size_t at = random() % file.size();
      const std::uint64_t kind = random() % 4;
      if (kind == 0) file.insert(at, 1, static_cast<char>(random()));
      if (kind == 1) file.erase(at, 1);
      if (kind == 2) file[at] = static_cast<char>(random());
      if (kind == 3) file[at] = random() % 2 == 0 ? '\xff' : '\0';
    }
    try {
      const GgufFile read = parse(file);
      std::size_t total = 0;
      for (const GgufTensor& tensor : read.tensors()) total += tensor.bytes.size();
      EXPECT_LE(total, file.size());
      ++accepted;
    } catch (const Error&) {
      continue;
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 20000);
}

}  // namespace
}  // namespace gptc::formats
