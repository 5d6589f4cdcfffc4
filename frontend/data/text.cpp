#include "frontend/data/text.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "frontend/data/error.h"

namespace gptc::data {
namespace {

namespace fs = std::filesystem;

std::string cause(const std::error_code& code) { return code.message(); }

bool hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

std::vector<std::string> texts_below(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code code;
  fs::recursive_directory_iterator it(folder, code);
  for (; !code && it != fs::recursive_directory_iterator(); it.increment(code)) {
    if (hidden(it->path())) {
      it.disable_recursion_pending();
      continue;
    }
    std::error_code unreadable;  // a link to nothing: reading it will say so
    if (it->path().extension() == ".txt" && !it->is_directory(unreadable))
      files.push_back(it->path().string());
  }
  if (code) throw Error(fmt::format("cannot read folder {}: {}", folder, cause(code)));
  if (files.empty())
    throw Error(
        fmt::format("folder {} holds no .txt file; name the files, or use a pattern such as '{}/*'",
                    folder, folder));
  std::ranges::sort(files);
  return files;
}

std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> files;
  for (std::size_t i = 0; result == 0 && i < found.gl_pathc; ++i)
    files.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  std::erase_if(files, [](const std::string& file) { return fs::is_directory(file); });
  std::ranges::sort(files);
  if (files.empty()) throw Error(fmt::format("no file matches {}", pattern));
  return files;
}

std::vector<std::string> expand(const std::string& argument) {
  std::error_code code;
  const fs::file_status status = fs::status(argument, code);
  if (fs::is_directory(status)) return texts_below(argument);
  if (fs::exists(status)) return {argument};
  if (argument.find_first_of("*?[") != std::string::npos) return matches(argument);
  throw Error(fmt::format("cannot read {}: {}", argument, cause(code)));
}

void check_text(const std::string& path, const std::string& text) {
  if (text.empty())
    throw Error(fmt::format("{}: the file is empty; leave it out or give it text", path));
  const std::size_t nul = text.find('\0');
  if (nul == std::string::npos) return;
  const bool utf16 = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
  throw Error(
      fmt::format("{}: byte {} is NUL, so this is a binary file{}; give plain text in UTF-8", path,
                  nul, utf16 ? " (it looks like UTF-16)" : ""));
}

std::string read(const std::string& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) throw Error(fmt::format("cannot read {}: {}", path, cause(code)));
  if (!fs::is_regular_file(status))
    throw Error(fmt::format("cannot read {}: it is not a regular file", path));
  const auto fail = [&] {
    throw Error(fmt::format("cannot read {}: {}", path, std::generic_category().message(errno)));
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) fail();
  std::string text(fs::file_size(path, code), '\0');
  if (code) throw Error(fmt::format("cannot read {}: {}", path, cause(code)));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) fail();
  text.resize(static_cast<std::size_t>(file.gcount()));  // shorter if it was cut meanwhile
  return text;
}

}  // namespace

std::vector<std::string> expand_paths(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    const std::vector<std::string> more = expand(argument);
    files.insert(files.end(), more.begin(), more.end());
  }
  if (files.empty()) throw Error("no data: name at least one text file, folder or pattern");
  return files;
}

std::vector<TextDocument> read_text(const std::vector<std::string>& arguments) {
  std::vector<TextDocument> documents;
  for (const std::string& path : expand_paths(arguments)) {
    documents.push_back({.path = path, .text = read(path)});
    check_text(path, documents.back().text);
  }
  return documents;
}

std::size_t total_bytes(const std::vector<TextDocument>& documents) {
  std::size_t bytes = 0;
  for (const TextDocument& document : documents) bytes += document.text.size();
  return bytes;
}

}  // namespace gptc::data
