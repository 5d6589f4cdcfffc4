#pragma once

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/learner.h"
#include "frontend/tokenizer/tokenizer.h"

namespace gptc::tokenizer::testing {

/// The folder of GPT-2's own vocabulary files; throws, and so fails the test, where they are
/// missing.
std::filesystem::path gpt2_folder();

/// GPT-2's own tokenizer.
const Tokenizer& gpt2();

/// A file of tests/tokenizer, whole.
std::string read_fixture(const std::string& name);
std::string read_whole(const std::filesystem::path& path);

/// The pieces that piece_end cuts a text into.
std::vector<std::string> pieces(std::string_view text, Pattern pattern = Pattern::gpt2);

/// A text of `size` characters drawn from `alphabet`.
std::string random_text(std::mt19937& random, std::string_view alphabet, std::size_t size);

/// Random bytes, mostly not valid UTF-8.
std::string random_bytes(std::mt19937& random, std::size_t size);

}  // namespace gptc::tokenizer::testing
