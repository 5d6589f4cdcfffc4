#include "frontend/data/token_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "frontend/data/error.h"

namespace gptc::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestHeader = 64 << 10;  // bytes

/// First words of files of ids that have a header inside.
constexpr std::uint32_t kLlmC[] = {20240520, 20240801};

class Descriptor {
 public:
  explicit Descriptor(const std::string& path)
      : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (file_ >= 0) ::close(file_);
  }
  int get() const { return file_; }

 private:
  int file_;
};

std::string read_header(const std::string& path) {
  std::error_code code;
  const std::uintmax_t size = fs::file_size(path, code);
  if (code) throw Error(fmt::format("cannot read {}: {}", path, code.message()));
  if (size > kLargestHeader)
    throw Error(
        fmt::format("{}: {} bytes, but a header has at most {}", path, size, kLargestHeader));
  std::string text(static_cast<std::size_t>(size), '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in) throw Error(fmt::format("cannot read {} to its end", path));
  return text;
}

}  // namespace

void TokenFile::Unmap::operator()(const std::byte* data) const {
  ::munmap(const_cast<std::byte*>(data), size);
}

TokenFile::TokenFile(const std::string& path) : path_(path) {
  map();
  if (const std::string beside = header_path(path); fs::exists(beside)) {
    header_ = parse_header(beside, read_header(beside));
    width_ = header_->width;
  }
  check_size();
}

void TokenFile::map() {
  const auto fail = [&](int code) {
    throw Error(fmt::format("cannot read {}: {}", path_, std::generic_category().message(code)));
  };
  const Descriptor file(path_);
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) fail(errno);
  if (!S_ISREG(status.st_mode))
    throw Error(fmt::format("cannot read {}: it is not a regular file", path_));
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) throw Error(fmt::format("{}: the file is empty, but must hold tokens", path_));
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) fail(errno);
  mapping_ = {static_cast<const std::byte*>(data), Unmap{size}};
  bytes_ = {mapping_.get(), size};
  // Windows are drawn from everywhere: reading ahead would read the whole file.
  ::madvise(data, size, MADV_RANDOM);
}

void TokenFile::check_size() const {
  std::uint32_t magic = 0;
  if (bytes_.size() >= 1024) std::memcpy(&magic, bytes_.data(), sizeof magic);
  if (!header_ && std::find(std::begin(kLlmC), std::end(kLlmC), magic) != std::end(kLlmC))
    throw Error(
        fmt::format("{}: this is a token file of llm.c, whose first 1024 bytes are a header; write "
                    "one without (gptc tokenizer encode --out)",
                    path_));
  const std::uint64_t width = width_ == TokenWidth::u16 ? 2 : 4;
  if (bytes_.size() % width != 0)
    throw Error(
        fmt::format("{}: {} bytes are no whole number of tokens of {} bytes; was it cut "
                    "short, or is it not a token file?",
                    path_, bytes_.size(), width));
  if (header_ && header_->tokens != size())
    throw Error(fmt::format("{}: it holds {} tokens, but {} says {}; was it cut short or replaced?",
                            path_, size(), header_path(path_), header_->tokens));
}

TokenView TokenFile::tokens(std::int64_t vocab_size) const {
  const std::int64_t limit = header_ ? std::min(header_->vocab_size, vocab_size) : vocab_size;
  return {bytes_, width_, limit, path_};
}

bool is_token_file(const std::string& path) { return path.ends_with(".bin"); }

}  // namespace gptc::data
