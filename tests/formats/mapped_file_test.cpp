#include "frontend/formats/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <utility>

#include "frontend/formats/error.h"
#include "tests/formats/temp_folder.h"

namespace gptc::formats {
namespace {

using gptc::testing::message_of;
using gptc::testing::TempFolder;

TEST(MappedFile, ShowsTheBytesAndMoves) {
  const TempFolder folder;
  MappedFile first(folder.with("a", "abc"));
  MappedFile second = std::move(first);
  ASSERT_EQ(second.bytes().size(), 3u);
  EXPECT_EQ(second.bytes()[2], std::byte{'c'});
  second = MappedFile(folder.with("b", "defg"));
  EXPECT_EQ(second.bytes().size(), 4u);
}

TEST(MappedFile, EmptyFileIsAnEmptySpan) {
  const TempFolder folder;
  EXPECT_TRUE(MappedFile(folder.with("empty", "")).bytes().empty());
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  const TempFolder folder;
  EXPECT_NE(message_of<Error>([&] { MappedFile(folder.file("none")); }).find("No such file"),
            std::string::npos);
  EXPECT_NE(message_of<Error>([&] { MappedFile(folder.path()); }).find("not a regular file"),
            std::string::npos);
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_NE(message_of<Error>([&] { MappedFile(folder.file("pipe")); }).find("not a regular file"),
            std::string::npos);
}

}  // namespace
}  // namespace gptc::formats
