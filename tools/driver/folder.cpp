#include "tools/driver/folder.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "ir/check.h"

namespace gptc::driver {

void make_folder(const std::filesystem::path& folder) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  ir::user_check(std::filesystem::is_directory(folder), "cannot make the folder {}: {}",
                 folder.string(),
                 code ? code.message() : std::string("something else has that name"));
  ir::user_check(access(folder.c_str(), W_OK | X_OK) == 0, "cannot write into {}: {}",
                 folder.string(), std::generic_category().message(errno));
}

}  // namespace gptc::driver
