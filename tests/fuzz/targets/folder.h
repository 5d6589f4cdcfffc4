#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/fuzz/targets/require.h"

namespace gptc::fuzzing {

inline std::string make_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "gptc-fuzz-XXXXXX").string();
  require(::mkdtemp(pattern.data()) != nullptr, "a folder for files");
  return pattern;
}

/// For the files of a target; removed when the program ends.
struct Folder {
  Folder() = default;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path = make_folder();
};

}  // namespace gptc::fuzzing
