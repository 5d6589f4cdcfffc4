// "Did you mean".
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::driver {

/// The candidate nearest to `word` if at most a third of its letters differ, else "".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// The names of the options and subcommands of an app.
std::vector<std::string> names_of(const CLI::App& app);

}  // namespace gptc::driver
