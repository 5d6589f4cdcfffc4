#include "frontend/data/text.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "frontend/data/error.h"
#include "tests/formats/temp_folder.h"

namespace gptc::data {
namespace {

using gptc::testing::message_of;
using gptc::testing::TempFolder;

std::string why(const std::string& argument) {
  return message_of<Error>([&] { (void)read_text({argument}); });
}

TEST(Text, ReadsBytesAsTheyAre) {
  const TempFolder folder;
  const std::string odd = "\xef\xbb\xbfline\r\n\xff\x01 end";
  const auto documents = read_text({folder.with("b.txt", odd), folder.with("a.txt", "one")});
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].text, odd);
  EXPECT_EQ(documents[1].text, "one");
  EXPECT_EQ(documents[1].path, folder.file("a.txt"));
  EXPECT_EQ(total_bytes(documents), odd.size() + 3);
}

TEST(Text, AFolderIsItsTextFilesSorted) {
  const TempFolder folder;
  for (const char* name : {"b.txt", "Z.txt", "sub/a.txt", "a.md", ".hidden.txt", ".git/x.txt"})
    (void)folder.with(name, "x");
  EXPECT_EQ(expand_paths({folder.path()}),
            (std::vector<std::string>{folder.file("Z.txt"), folder.file("b.txt"),
                                      folder.file("sub/a.txt")}));
}

TEST(Text, APatternIsItsFilesSorted) {
  const TempFolder folder;
  for (const char* name : {"b.txt", "Z.txt", "c.md", "dir.txt/x"}) (void)folder.with(name, "x");
  EXPECT_EQ(expand_paths({folder.file("*.txt")}),
            (std::vector<std::string>{folder.file("Z.txt"), folder.file("b.txt")}));
  EXPECT_EQ(
      expand_paths({folder.file("c.md"), folder.file("?.txt")}),
      (std::vector<std::string>{folder.file("c.md"), folder.file("Z.txt"), folder.file("b.txt")}));
}

TEST(Text, AFileWhoseNameLooksLikeAPatternIsItself) {
  const TempFolder folder;
  const std::string path = folder.with("a[1]*.txt", "x");
  EXPECT_EQ(expand_paths({path}), std::vector<std::string>{path});
}

TEST(Text, SaysWhatIsWrong) {
  const TempFolder folder;
  const std::string none = folder.file("none.txt");
  EXPECT_EQ(why(none), "cannot read " + none + ": No such file or directory");
  EXPECT_EQ(why(folder.file("*.none")), "no file matches " + folder.file("*.none"));
  EXPECT_NE(why(folder.path()).find("holds no .txt file"), std::string::npos);
  EXPECT_NE(message_of<Error>([] { (void)read_text({}); }).find("name at least one"),
            std::string::npos);
  EXPECT_NE(why(folder.with("empty.txt", "")).find("the file is empty"), std::string::npos);
  EXPECT_EQ(why("/dev/zero"), "cannot read /dev/zero: it is not a regular file");
  std::filesystem::remove(folder.file("empty.txt"));
  ASSERT_EQ(::symlink("nothing", folder.file("link.txt").c_str()), 0);
  EXPECT_NE(why(folder.path()).find("No such file"), std::string::npos);
}

TEST(Text, ABinaryFileIsNamedWithTheByte) {
  const TempFolder folder;
  const std::string path = folder.with("a.bin", std::string("abc\0def", 7));
  EXPECT_EQ(why(path),
            path + ": byte 3 is NUL, so this is a binary file; give plain text in UTF-8");
  EXPECT_NE(why(folder.with("w.txt", std::string("\xff\xfe\x61\0", 4))).find("looks like UTF-16"),
            std::string::npos);
}

TEST(Text, AFileWithoutPermissionIsAnError) {
  const TempFolder folder;
  const std::string path = folder.with("f.txt", "x");
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(1);  // root may read anything
    ::_exit(why(path) == "cannot read " + path + ": Permission denied" ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace gptc::data
