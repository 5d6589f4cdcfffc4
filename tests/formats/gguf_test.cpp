#include "frontend/formats/gguf.h"

#include <gtest/gtest.h>

#include "frontend/formats/error.h"
#include "frontend/formats/safetensors.h"
#include "tests/formats/temp_folder.h"

namespace gptc::formats {
namespace {

using testing::content_of;
using testing::message_of;
using testing::TempFolder;

TensorStream counting(const std::string& name, std::vector<std::int64_t> shape,
                      Encoding encoding = Encoding::F32) {
  TensorStream stream{.name = name, .encoding = encoding, .shape = std::move(shape)};
  const std::uint64_t size = stored_bytes(stream);
  stream.write = [size](const ByteSink& sink) {
    for (std::uint64_t i = 0; i < size; ++i) {
      const auto byte = static_cast<std::byte>(i);
      sink(std::span(&byte, 1));
    }
  };
  return stream;
}

GgufKeys every_kind() {
  return {{"bool", true},
          {"u32", std::uint32_t{7}},
          {"i32", std::int32_t{-7}},
          {"u64", std::uint64_t{1} << 40},
          {"i64", -(std::int64_t{1} << 40)},
          {"f32", 0.5F},
          {"f64", -0.25},
          {"text", std::string("a\0b", 3)},
          {"bools", std::vector<bool>{true, false}},
          {"u32s", std::vector<std::uint32_t>{1, 2}},
          {"i32s", std::vector<std::int32_t>{-1, 2}},
          {"u64s", std::vector<std::uint64_t>{1}},
          {"i64s", std::vector<std::int64_t>{-1}},
          {"f32s", std::vector<float>{1.5F}},
          {"f64s", std::vector<double>{2.5}},
          {"texts", std::vector<std::string>{"", "x"}},
          {"none", std::vector<std::string>{}}};
}

TEST(Gguf, WhatIsWrittenIsRead) {
  const TempFolder folder;
  const std::string path = folder.file("m.gguf");
  write_gguf(path, every_kind(),
             {counting("a", {3, 5}), counting("b", {7}, Encoding::F16),
              counting("c", {2, 64}, Encoding::Q8_0), counting("d", {1, 2, 3, 4}, Encoding::BF16),
              counting("e", {})});
  const GgufFile file = GgufFile::open(path);
  EXPECT_EQ(file.keys(), every_kind());
  ASSERT_EQ(file.tensors().size(), 5U);
  EXPECT_EQ(file.tensors()[0].shape, (std::vector<std::int64_t>{3, 5}));
  EXPECT_EQ(file.tensors()[3].shape, (std::vector<std::int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(file.find("c")->encoding, Encoding::Q8_0);
  EXPECT_EQ(file.find("c")->bytes.size(), 4U * 34);
  for (const GgufTensor& tensor : file.tensors()) {
    for (std::size_t i = 0; i < tensor.bytes.size(); ++i)
      ASSERT_EQ(tensor.bytes[i], static_cast<std::byte>(i)) << tensor.name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % 32, 0U) << tensor.name;
  }
  EXPECT_EQ(std::get<float>(*file.find_key("f32")), 0.5F);
  EXPECT_EQ(file.find_key("x"), nullptr);
  EXPECT_EQ(file.find("x"), nullptr);
}

// The bytes, from the format's description: little-endian, dimensions innermost first.
TEST(Gguf, TheBytesAreTheFormats) {
  const TempFolder folder;
  write_gguf(folder.file("m.gguf"), {{"k", std::uint32_t{9}}}, {counting("t", {2, 3})});
  using namespace std::string_literals;
  const std::string head = "GGUF"s + "\3\0\0\0"s + "\1\0\0\0\0\0\0\0"s + "\1\0\0\0\0\0\0\0"s +
                           "\1\0\0\0\0\0\0\0k"s + "\4\0\0\0"s + "\x9\0\0\0"s +
                           "\1\0\0\0\0\0\0\0t"s + "\2\0\0\0"s + "\3\0\0\0\0\0\0\0"s +
                           "\2\0\0\0\0\0\0\0"s + "\0\0\0\0"s + "\0\0\0\0\0\0\0\0"s;
  std::string file = head + std::string(96 - head.size(), '\0');
  for (char i = 0; i < 24; ++i) file += i;
  file += std::string(8, '\0');
  EXPECT_EQ(content_of(folder.file("m.gguf")), file);
}

TEST(Gguf, TheWriterRefusesWhatTheFormatCannotHold) {
  const TempFolder folder;
  const std::string path = folder.file("m.gguf");
  const auto error = [&](const GgufKeys& keys, const std::vector<TensorStream>& tensors) {
    std::string message = message_of<Error>([&] { write_gguf(path, keys, tensors); });
    EXPECT_FALSE(std::filesystem::exists(path));
    return message;
  };
  const auto has = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  has(error({{"k", true}, {"k", false}}, {}), R"(key "k" is given twice)");
  has(error({{"general.alignment", std::uint32_t{64}}}, {}), "general.alignment");
  has(error({}, {counting("t", {1}), counting("t", {1})}), R"(tensor "t" is given twice)");
  has(error({}, {counting(std::string(64, 'x'), {1})}), "63 bytes, but has 64");
  has(error({}, {counting("t", {1, 1, 1, 1, 1})}), "4 dimensions, but has 5");
  has(error({}, {counting("t", {0})}), "a dimension must be from 1");
  TensorStream odd{.name = "t", .encoding = Encoding::Q8_0, .shape = {33}};
  has(error({}, {odd}), "whole blocks of 32");
  TensorStream huge{.name = "t", .shape = {std::int64_t{1} << 40, std::int64_t{1} << 40}};
  has(error({}, {huge}), "exceeds 64 bits");
}

TEST(Gguf, AStreamOfAnotherLengthLeavesNoFile) {
  const TempFolder folder;
  TensorStream liar = counting("t", {4});
  liar.shape = {5};
  EXPECT_THROW(write_gguf(folder.file("m.gguf"), {}, {liar}), Error);
  liar.shape = {3};
  EXPECT_THROW(write_gguf(folder.file("m.gguf"), {}, {liar}), Error);
  EXPECT_THROW(stream_safetensors(folder.file("m.safetensors"), {liar}, {}), Error);
  EXPECT_TRUE(folder.names().empty());
}

TEST(SafetensorsStream, IsTheFileThatIsWrittenFromMemory) {
  const TempFolder folder;
  std::string bytes;
  for (char i = 0; i < 24; ++i) bytes += i;
  const auto all = std::as_bytes(std::span(bytes));
  stream_safetensors(folder.file("a"), {counting("t", {2, 3}), counting("h", {5}, Encoding::BF16)},
                     {{"k", "v"}});
  write_safetensors(folder.file("b"),
                    {{"t", DType::F32, {2, 3}, all}, {"h", DType::BF16, {5}, all.first(10)}},
                    {{"k", "v"}});
  EXPECT_EQ(content_of(folder.file("a")), content_of(folder.file("b")));
  EXPECT_THROW(stream_safetensors(folder.file("c"), {counting("t", {32}, Encoding::Q8_0)}, {}),
               Error);
}

}  // namespace
}  // namespace gptc::formats
