#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <ostream>
#include <random>

#include "frontend/formats/error.h"
#include "frontend/formats/safetensors.h"
#include "tests/formats/temp_folder.h"

namespace gptc::formats {
namespace {

using gptc::testing::message_of;
using gptc::testing::TempFolder;

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file + rest;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return with_length(header.size(), header + std::string(data_bytes, '\x01'));
}

SafetensorsFile parse(const std::string& file) {
  return SafetensorsFile::parse(std::as_bytes(std::span(file)), "m.safetensors");
}

struct Hostile {
  const char* what;
  std::string file;
  const char* expected;  // the message after the file's name
};

void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.what; }

std::string name_of(const ::testing::TestParamInfo<Hostile>& test) { return test.param.what; }

class HostileFile : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileFile, IsRejectedWithTheReason) {
  const Hostile& hostile = GetParam();
  EXPECT_EQ(message_of<Error>([&] { (void)parse(hostile.file); }),
            std::string("\"m.safetensors\": ") + hostile.expected);
}

const std::string good = R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

INSTANTIATE_TEST_SUITE_P(
    Length, HostileFile,
    ::testing::Values(
        Hostile{"Empty", "", "a safetensors file has at least 8 bytes, but this one has 0"},
        Hostile{"SevenBytes", "\x01\x01\x01\x01\x01\x01\x01",
                "a safetensors file has at least 8 bytes, but this one has 7"},
        Hostile{"HeaderTooLong", with_length(100'000'001, good),
                "the header may take 100000000 bytes, but claims 100000001"},
        Hostile{"HeaderLengthAllOnes", with_length(~std::uint64_t{0}, good),
                "the header may take 100000000 bytes, but claims 18446744073709551615"},
        Hostile{"HeaderBeyondFile", with_length(good.size() + 1, good),
                "the header claims 55 bytes, but 54 follow: the file is cut short"},
        Hostile{"HeaderEmpty", with_length(0, ""),
                "the header must begin with {, so this is not a safetensors file"},
        Hostile{"HeaderBeginsWithSpace", file_of(" " + good, 8),
                "the header must begin with {, so this is not a safetensors file"},
        Hostile{"Pickle", std::string("PK\x03\x04") + std::string(60, 'x'),
                "this is a PyTorch file (pickle in zip), which can run code: save the weights as "
                "safetensors"},
        Hostile{"LfsPointer", "version https://git-lfs.github.com/spec/v1",
                "this is a Git LFS pointer: fetch the real file with git lfs pull"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Json, HostileFile,
    ::testing::Values(
        Hostile{"Cut", file_of(R"({"t":)", 8), "not valid JSON at byte 6"},
        Hostile{"TextAfter", file_of(good + "x", 8), "not valid JSON at byte 55"},
        Hostile{"NotUtf8", file_of("{\"\xff\":{}}", 0), "not valid JSON at byte 3"},
        Hostile{"SameTensorTwice",
                file_of(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                        R"("t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                        2),
                R"(key "t" occurs twice)"},
        Hostile{
            "SameFieldTwice",
            file_of(R"({"t":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}})", 1),
            R"(key "dtype" occurs twice)"},
        Hostile{"SameMetadataTwice", file_of(R"({"__metadata__":{"a":"1","a":"2"}})", 0),
                R"(key "a" occurs twice)"},
        Hostile{"Deep", file_of(R"({"__metadata__":{"a":)" + std::string(1000, '['), 0),
                R"(__metadata__ "a" must be a string, but is an array)"},
        Hostile{"EntryIsNumber", file_of(R"({"t":3})", 0),
                R"(tensor "t" must be an object, but is the number 3)"},
        Hostile{"EntryIsArray", file_of(R"({"t":[]})", 0),
                R"(tensor "t" must be an object, but is an array)"},
        Hostile{"MetadataIsString", file_of(R"({"__metadata__":"x"})", 0),
                R"(tensor "__metadata__" must be an object, but is the string "x")"},
        Hostile{"MetadataNumber", file_of(R"({"__metadata__":{"a":1}})", 0),
                R"(__metadata__ "a" must be a string, but is the number 1)"},
        Hostile{"NameWithEscape", file_of("{\"\\u001b[2J\":null}", 0),
                R"(tensor "\x1b[2J" must be an object, but is null)"}),
    name_of);

std::string entry(const std::string& fields) { return file_of(R"({"t":{)" + fields + "}}", 8); }

INSTANTIATE_TEST_SUITE_P(
    Entry, HostileFile,
    ::testing::Values(
        Hostile{"NoDtype", entry(R"("shape":[2],"data_offsets":[0,8])"),
                R"(tensor "t": it has no dtype)"},
        Hostile{"NoShape", entry(R"("dtype":"F32","data_offsets":[0,8])"),
                R"(tensor "t": it has no shape)"},
        Hostile{"NoOffsets", entry(R"("dtype":"F32","shape":[2])"),
                R"(tensor "t": it has no data_offsets)"},
        Hostile{"UnknownField", entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1)"),
                R"(tensor "t": unknown field "x"; an entry has dtype, shape and data_offsets)"},
        Hostile{"UnknownDtype", entry(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])"),
                R"(tensor "t": unknown dtype "F33")"},
        Hostile{"DtypeNumber", entry(R"("dtype":32,"shape":[2],"data_offsets":[0,8])"),
                R"(tensor "t": dtype must be a string, but is the number 32)"},
        Hostile{"ShapeNumber", entry(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"),
                R"(tensor "t": shape must be a list of whole numbers, but is the number 2)"},
        Hostile{"ShapeNegative", entry(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"),
                R"(tensor "t": shape must hold whole numbers from 0, but holds the number -2)"},
        Hostile{"ShapeReal", entry(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"),
                R"(tensor "t": shape must hold whole numbers from 0, but holds the number 2)"},
        Hostile{"ShapeNested", entry(R"("dtype":"F32","shape":[[2]],"data_offsets":[0,8])"),
                R"(tensor "t": shape must hold whole numbers from 0, but holds an array)"},
        Hostile{"Shape64Bits",
                entry(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])"),
                R"(tensor "t": shape holds 18446744073709551615, more than 63 bits)"},
        Hostile{"OneOffset", entry(R"("dtype":"F32","shape":[2],"data_offsets":[0])"),
                R"(tensor "t": data_offsets must be [begin, end], but has 1 numbers)"},
        Hostile{"ThreeOffsets", entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"),
                R"(tensor "t": data_offsets must be [begin, end], but has 3 numbers)"},
        Hostile{
            "OffsetNegative", entry(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])"),
            R"(tensor "t": data_offsets must hold whole numbers from 0, but holds the number -8)"}),
    name_of);

std::string two(const std::string& first, const std::string& second, std::size_t data_bytes) {
  return file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
                     R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}",
                 data_bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, HostileFile,
    ::testing::Values(
        Hostile{"ElementsOverflow",
                entry(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,8])"),
                R"(tensor "t": the size of U8[4294967296,4294967296] exceeds 64 bits)"},
        Hostile{"BytesOverflow",
                entry(R"("dtype":"F64","shape":[4611686018427387906],"data_offsets":[0,8])"),
                R"(tensor "t": the size of F64[4611686018427387906] exceeds 64 bits)"},
        Hostile{"OverflowBeforeZero",
                entry(R"("dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0])"),
                R"(tensor "t": the size of U8[4294967296,4294967296,0] exceeds 64 bits)"},
        Hostile{"ShapeDisagreesWithOffsets",
                entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"),
                R"(tensor "t": F32[3] takes 12 bytes, but data_offsets [0,8] span 8)"},
        Hostile{"HalfAByte", entry(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])"),
                R"(tensor "t": F4[3] takes 12 bits, not a whole number of bytes)"},
        Hostile{"OffsetsFall", entry(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"),
                R"(tensor "t": data_offsets must rise, but are [8,0])"},
        Hostile{
            "DataCutShort", file_of(good, 7),
            R"(tensor "t": it ends at byte 8 of the data, but there are 7: the file is cut short)"},
        Hostile{
            "ExabyteTensor",
            entry(
                R"("dtype":"U8","shape":[1152921504606846976],"data_offsets":[0,1152921504606846976])"),
            R"(tensor "t": it ends at byte 1152921504606846976 of the data, but there are 8: the file is cut short)"},
        Hostile{"BytesAfterTheData", file_of(good, 9),
                "the tensors end at byte 8 of the data, but the file has 1 more bytes"},
        Hostile{"BytesWithoutTensors", file_of("{}", 1),
                "the tensors end at byte 0 of the data, but the file has 1 more bytes"},
        Hostile{
            "Overlap", two("[0,4]", "[3,7]", 7),
            R"(tensor "b": it must begin at byte 4 of the data, where the one before ends, but begins at 3 (overlap))"},
        Hostile{
            "SameBytes", two("[0,4]", "[0,4]", 4),
            R"(tensor "b": it must begin at byte 4 of the data, where the one before ends, but begins at 0 (overlap))"},
        Hostile{
            "Hole", two("[0,4]", "[5,9]", 9),
            R"(tensor "b": it must begin at byte 4 of the data, where the one before ends, but begins at 5 (hole))"},
        Hostile{
            "HoleAtTheStart", two("[1,5]", "[5,9]", 9),
            R"(tensor "a": it must begin at byte 0 of the data, where the one before ends, but begins at 1 (hole))"}),
    name_of);

TEST(SafetensorsFile, AcceptsSpacesAfterTheHeaderAndAnyOrderOfEntries) {
  EXPECT_EQ(parse(file_of(good + "   ", 8)).at("t").bytes.size(), 8u);
  const std::string file = two("[4,8]", "[0,4]", 8);
  EXPECT_EQ(parse(file).tensors().front().name, "b");
}

TEST(SafetensorsFile, EveryTruncationIsRejected) {
  const std::string whole = file_of(good, 8);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW((void)parse(whole.substr(0, size)), Error) << size;
}

TEST(SafetensorsFile, MutatedHeadersNeverDoMoreThanThrow) {
  const std::string whole = file_of(
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"U8","shape":[0,3],"data_offsets":[8,8]},"c":{"dtype":"I16","shape":[],"data_offsets":[8,10]}})",
      10);
  std::mt19937_64 random(7);
  const std::string alphabet = "{}[]\",:0123456789-.e \\x\xff\x01" + std::string(1, '\0');
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string file = whole;
    for (std::uint64_t edits = random() % 4 + 1; edits > 0; --edits) {
      const std::size_t at = random() % file.size();
      const char c = alphabet[random() % alphabet.size()];
      if (random() % 3 == 0)
        file.insert(at, 1, c);
      else if (random() % 2 == 0)
        file.erase(at, 1);
      else
        file[at] = c;
    }
    try {
      const SafetensorsFile read = parse(file);
      std::size_t total = 0;
      for (const TensorBytes& tensor : read.tensors()) total += tensor.bytes.size();
      EXPECT_LE(total, file.size());
      ++accepted;
    } catch (const Error&) {
      continue;
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 20000);
}

TEST(SafetensorsFile, OpenNamesThePathOfADamagedFile) {
  const TempFolder folder;
  const std::string path = folder.with("model.safetensors", file_of(good, 5));
  EXPECT_NE(message_of<Error>([&] { (void)SafetensorsFile::open(path); }).find(path),
            std::string::npos);
  EXPECT_NE(message_of<Error>([&] {
              (void)SafetensorsFile::open(folder.file("none"));
            }).find("No such file"),
            std::string::npos);
}

}  // namespace
}  // namespace gptc::formats
