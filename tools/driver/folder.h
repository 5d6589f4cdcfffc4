// Folders to write into.
#pragma once

#include <filesystem>

namespace gptc::driver {

/// Makes the folder and those above it, and checks that files can be made in it. UserError with the
/// system's cause.
void make_folder(const std::filesystem::path& folder);

}  // namespace gptc::driver
