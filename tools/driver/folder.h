// Folders to write into.
#pragma once

#include <filesystem>

namespace gptc::driver {

/// Makes the folder and those above it, and checks that files can be made in it. UserError with the
/// system's cause.
void make_folder(const std::filesystem::path& folder);

/// What becomes of a model that stands where one is to be written.
enum class IfThere { refuse, replace };

/// Where a folder made of another one, `from`, is to be written: UserError if it is the same one,
/// or holds a model that must stay.
void check_model_folder(const std::filesystem::path& out, const std::filesystem::path& from,
                        IfThere if_there);

}  // namespace gptc::driver
