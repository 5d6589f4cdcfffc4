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

void check_model_folder(const std::filesystem::path& out, const std::filesystem::path& from,
                        IfThere if_there) {
  std::error_code ignored;
  ir::user_check(!std::filesystem::equivalent(out, from, ignored),
                 "--out: it must be another folder than the model's, but is {}", out.string());
  const bool holds_model = std::filesystem::exists(out / "config.json", ignored) ||
                           std::filesystem::exists(out / "model.safetensors", ignored);
  ir::user_check(!holds_model || if_there == IfThere::replace,
                 "--out: {} holds a model already; --overwrite replaces it", out.string());
}

}  // namespace gptc::driver
