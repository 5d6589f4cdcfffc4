#include "frontend/data/text_stream.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "frontend/data/error.h"
#include "frontend/data/text.h"

namespace gptc::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStdin = "-";

int keep_open(std::FILE*) { return 0; }

std::string system_cause() { return std::generic_category().message(errno); }

}  // namespace

TextStream::TextStream(const std::vector<std::string>& arguments, Contents contents)
    : contents_(contents) {
  for (const std::string& argument : arguments) {
    if (argument == kStdin) {
      paths_.push_back(argument);
      continue;
    }
    for (std::string& path : expand_paths({argument})) {
      check(path);
      paths_.push_back(std::move(path));
    }
  }
  if (paths_.empty()) throw Error("no data: name at least one text file, folder or pattern");
}

void TextStream::check(const std::string& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) throw Error(fmt::format("cannot read {}: {}", path, code.message()));
  if (!fs::is_regular_file(status))
    throw Error(fmt::format("cannot read {}: it is not a regular file", path));
  const std::uintmax_t size = fs::file_size(path, code);
  if (code) throw Error(fmt::format("cannot read {}: {}", path, code.message()));
  if (size == 0 && contents_ == Contents::text)
    throw Error(fmt::format("{}: the file is empty; leave it out or give it text", path));
  total_bytes_ += size;
}

void TextStream::fail(const std::string& what) const {
  throw Error(fmt::format("cannot read {}: {}", path_ == kStdin ? "stdin" : path_, what));
}

bool TextStream::next_document() {
  if (next_ == paths_.size()) return false;
  path_ = paths_[next_++];
  read_ = 0;
  if (path_ == kStdin) {
    file_ = {stdin, keep_open};
  } else {
    file_ = {std::fopen(path_.c_str(), "rb"), std::fclose};
    if (!file_) fail(system_cause());
  }
  return true;
}

bool TextStream::read(std::string& text, std::size_t most) {
  if (!file_) return false;
  const std::size_t old = text.size();
  text.resize(old + most);
  const std::size_t count = std::fread(text.data() + old, 1, most, file_.get());
  const bool broken = std::ferror(file_.get()) != 0;
  const int cause = errno;
  text.resize(old + count);
  if (broken) fail(std::generic_category().message(cause));
  const std::size_t nul = contents_ == Contents::text ? text.find('\0', old) : text.npos;
  if (nul != text.npos)
    throw Error(
        fmt::format("{}: byte {} is NUL, so this is a binary file; give plain text in UTF-8",
                    path_ == kStdin ? "stdin" : path_, read_ + (nul - old)));
  read_ += count;
  if (count == most) return true;
  file_.reset();
  return false;
}

}  // namespace gptc::data
