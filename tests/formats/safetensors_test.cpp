#include "frontend/formats/safetensors.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "frontend/formats/error.h"
#include "tests/formats/temp_folder.h"

namespace gptc::formats {
namespace {

using gptc::testing::content_of;
using gptc::testing::message_of;
using gptc::testing::TempFolder;

template <class T>
std::span<const std::byte> raw(const T& values) {
  return std::as_bytes(std::span(values));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const std::array<float, 6> floats{0.5F, -1.F, 2.F, 3.F, 4.F, 5.F};
const std::array<std::uint16_t, 1> halves{0x3c00};
const std::array<std::int64_t, 1> longs{-7};
const std::array<std::uint8_t, 3> bools{1, 0, 1};

std::vector<TensorBytes> samples() {
  return {{"flags", DType::BOOL, {3}, raw(bools)}, {"z.weight", DType::F32, {2, 3}, raw(floats)},
          {"h", DType::BF16, {1}, raw(halves)},    {"a.weight", DType::F32, {3, 2}, raw(floats)},
          {"empty", DType::F32, {0, 5}, {}},       {"scalar", DType::F32, {}, raw(floats).first(4)},
          {"step", DType::I64, {1}, raw(longs)}};
}

TEST(Safetensors, RoundTripsTensorsAndMetadata) {
  const TempFolder folder;
  const std::map<std::string, std::string> metadata{{"format", "pt"},
                                                    {"note", "na\xc3\xafve \"x\"\n"}};
  write_safetensors(folder.file("m"), samples(), metadata);
  const SafetensorsFile file = SafetensorsFile::open(folder.file("m"));
  EXPECT_EQ(file.metadata(), metadata);
  ASSERT_EQ(file.tensors().size(), samples().size());
  for (const TensorBytes& sample : samples()) {
    const TensorBytes& tensor = file.at(sample.name);
    EXPECT_EQ(tensor.dtype, sample.dtype);
    EXPECT_EQ(tensor.shape, sample.shape);
    EXPECT_EQ(text_of(tensor.bytes), text_of(sample.bytes));
  }
  EXPECT_EQ(file.find("nothing"), nullptr);
  EXPECT_NE(message_of<Error>([&] {
              (void)file.at("nothing");
            }).find(R"(no tensor "nothing" among its 7)"),
            std::string::npos);
}

TEST(Safetensors, OrdersAsTheReferenceWriterAndAligns) {
  const TempFolder folder;
  write_safetensors(folder.file("m"), samples(), {{"format", "pt"}});
  const SafetensorsFile file = SafetensorsFile::open(folder.file("m"));
  std::vector<std::string> names;
  for (const TensorBytes& tensor : file.tensors()) names.push_back(tensor.name);
  EXPECT_EQ(names, (std::vector<std::string>{"step", "a.weight", "empty", "scalar", "z.weight", "h",
                                             "flags"}));

  const std::string header =
      R"({"__metadata__":{"format":"pt"},"step":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("a.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[8,32]},)"
      R"("empty":{"dtype":"F32","shape":[0,5],"data_offsets":[32,32]},)"
      R"("scalar":{"dtype":"F32","shape":[],"data_offsets":[32,36]},)"
      R"("z.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[36,60]},)"
      R"("h":{"dtype":"BF16","shape":[1],"data_offsets":[60,62]},)"
      R"("flags":{"dtype":"BOOL","shape":[3],"data_offsets":[62,65]}})";
  const std::string content = content_of(folder.file("m"));
  EXPECT_EQ(content.substr(8, header.size()), header);
  std::uint64_t length = 0;
  std::memcpy(&length, content.data(), sizeof length);
  EXPECT_EQ((8 + length) % 64, 0u);
  EXPECT_EQ(content.size(), 8 + length + 65);
  EXPECT_EQ(content.substr(8 + header.size(), length - header.size()),
            std::string(length - header.size(), ' '));
}

TEST(Safetensors, EveryDTypeRoundTrips) {
  const TempFolder folder;
  const std::array<std::byte, 32> bytes{};
  for (int i = 0; i <= static_cast<int>(DType::U64); ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(dtype_named(name(type)), type);
    write_safetensors(
        folder.file("m"),
        {{"t", type, {4}, std::span(bytes).first(static_cast<std::size_t>(4 * bits(type) / 8))}},
        {});
    EXPECT_EQ(SafetensorsFile::open(folder.file("m")).at("t").dtype, type);
  }
  EXPECT_EQ(dtype_named("f32"), std::nullopt);
}

TEST(Safetensors, NoTensorsIsAFile) {
  const TempFolder folder;
  write_safetensors(folder.file("m"), {}, {});
  EXPECT_TRUE(SafetensorsFile::open(folder.file("m")).tensors().empty());
}

TEST(Safetensors, SavesOverTheFileItReads) {
  const TempFolder folder;
  std::vector<float> values(100000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  write_safetensors(folder.file("m"), {{"t", DType::F32, {100000}, raw(values)}}, {});
  const std::string before = content_of(folder.file("m"));

  const SafetensorsFile file = SafetensorsFile::open(folder.file("m"));
  write_safetensors(folder.file("m"), file.tensors(), file.metadata());
  EXPECT_EQ(content_of(folder.file("m")), before);
  EXPECT_EQ(text_of(file.at("t").bytes), text_of(raw(values)));
}

TEST(Safetensors, AMovedFileKeepsItsBytes) {
  const TempFolder folder;
  write_safetensors(folder.file("m"), samples(), {});
  SafetensorsFile first = SafetensorsFile::open(folder.file("m"));
  const SafetensorsFile second = std::move(first);
  EXPECT_EQ(text_of(second.at("step").bytes), text_of(raw(longs)));
}

std::string why(std::vector<TensorBytes> tensors,
                const std::map<std::string, std::string>& metadata = {}) {
  const TempFolder folder;
  std::string message =
      message_of<Error>([&] { write_safetensors(folder.file("m"), std::move(tensors), metadata); });
  EXPECT_TRUE(folder.names().empty());
  return message;
}

TEST(Safetensors, RefusesToWriteWhatItWouldNotRead) {
  EXPECT_NE(why({{"t", DType::F32, {3}, raw(floats)}})
                .find(R"(tensor "t": F32[3] takes 12 bytes, but 24 were given)"),
            std::string::npos);
  EXPECT_NE(why({{"t", DType::F32, {6}, raw(floats)}, {"t", DType::F32, {6}, raw(floats)}})
                .find("given twice"),
            std::string::npos);
  EXPECT_NE(why({{"__metadata__", DType::F32, {6}, raw(floats)}}).find("may not be named"),
            std::string::npos);
  EXPECT_NE(why({{"t\xff", DType::F32, {6}, raw(floats)}}).find("UTF-8"), std::string::npos);
  EXPECT_NE(why({{"t", DType::F32, {-6}, raw(floats)}}).find("exceeds 64 bits"), std::string::npos);
  EXPECT_NE(why({}, {{"a", "\xff"}}).find("UTF-8"), std::string::npos);
}

}  // namespace
}  // namespace gptc::formats
