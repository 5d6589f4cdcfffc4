#include "frontend/tokenizer/learning/piece_runs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "frontend/tokenizer/error.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kWriteBuffer = std::size_t{128} << 10;
constexpr std::size_t kLongestNumber = 10;  // bytes of a 64-bit number in LEB128

void append_number(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

}  // namespace

bool TableSource::next() {
  if (next_ == table_.size()) return false;
  piece_ = table_.at(next_++);
  return true;
}

RunWriter::RunWriter(const std::filesystem::path& folder, std::string name, Durability durability)
    : path_(folder / name), run_{.name = std::move(name)}, durability_(durability) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file_ < 0) fail(errno);
  buffer_.reserve(kWriteBuffer);
}

RunWriter::~RunWriter() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(path_.c_str());
}

void RunWriter::add(const CountedPiece& piece) {
  if (buffer_.size() + piece.bytes.size() + 2 * kLongestNumber > kWriteBuffer) flush();
  append_number(buffer_, piece.bytes.size());
  append_number(buffer_, piece.count);
  buffer_ += piece.bytes;
  ++run_.pieces;
}

void RunWriter::flush() {
  for (std::size_t done = 0; done < buffer_.size();) {
    const ssize_t n = ::write(file_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(errno);
    done += static_cast<std::size_t>(n);
  }
  run_.bytes += buffer_.size();
  buffer_.clear();
}

PieceRun RunWriter::finish() {
  flush();
  if (durability_ == Durability::durable && ::fsync(file_) != 0) fail(errno);
  ::close(std::exchange(file_, -1));
  return run_;
}

void RunWriter::fail(int error) {
  throw Error(path_.string() +
              ": cannot write the counts of pieces: " + std::generic_category().message(error) +
              "; give a folder with more room, or a higher memory limit");
}

RunReader::RunReader(const std::filesystem::path& folder, const PieceRun& run,
                     std::size_t buffer_bytes)
    : path_(folder / run.name), run_(run), buffer_(buffer_bytes) {
  file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) {
    throw Error(path_.string() +
                ": cannot read the counts of pieces: " + std::generic_category().message(errno));
  }
  ::posix_fadvise(file_, 0, 0, POSIX_FADV_SEQUENTIAL);
}

RunReader::~RunReader() {
  if (file_ >= 0) ::close(file_);
}

/// Makes `wanted` unused bytes be in the buffer; false if the file has fewer.
bool RunReader::fill(std::size_t wanted) {
  if (end_ - begin_ >= wanted) return true;
  if (wanted - (end_ - begin_) > run_.bytes - read_) return false;
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
  end_ -= std::exchange(begin_, 0);
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  while (end_ < wanted) {
    const std::size_t room = std::min<std::uint64_t>(buffer_.size() - end_, run_.bytes - read_);
    const ssize_t n = ::read(file_, buffer_.data() + end_, room);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    read_ += static_cast<std::uint64_t>(n);
    end_ += static_cast<std::size_t>(n);
  }
  return true;
}

std::uint64_t RunReader::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (!fill(1)) damaged();
    const auto byte = static_cast<unsigned char>(buffer_[begin_++]);
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  damaged();
}

bool RunReader::next() {
  if (pieces_ == run_.pieces) {
    if (begin_ != end_ || read_ != run_.bytes) damaged();
    return false;
  }
  const std::uint64_t size = number();
  const std::uint64_t count = number();
  if (size > run_.bytes || !fill(size)) damaged();
  const std::string_view bytes(buffer_.data() + begin_, size);
  begin_ += size;
  ++pieces_;
  piece_ = {piece_hash(bytes), count, bytes};
  return true;
}

void RunReader::damaged() const {
  throw Error(path_.string() + ": the counts of pieces are damaged near byte " +
              std::to_string(read_ - (end_ - begin_)) + " (of " + std::to_string(run_.bytes) +
              "); learn afresh");
}

void merge_pieces(std::vector<std::unique_ptr<PieceSource>> sources,
                  const std::function<void(const CountedPiece&)>& visit) {
  std::erase_if(sources, [](const auto& source) { return !source->next(); });
  const auto after = [](const auto& a, const auto& b) {
    return piece_before(b->piece(), a->piece());
  };
  std::make_heap(sources.begin(), sources.end(), after);
  std::string bytes;  // outlives the source's own, which goes at next()
  while (!sources.empty()) {
    CountedPiece sum = sources.front()->piece();
    bytes = sum.bytes;
    sum.bytes = bytes;
    sum.count = 0;
    while (!sources.empty() && sources.front()->piece().hash == sum.hash &&
           sources.front()->piece().bytes == bytes) {
      std::pop_heap(sources.begin(), sources.end(), after);
      sum.count += sources.back()->piece().count;
      if (sources.back()->next()) {
        std::push_heap(sources.begin(), sources.end(), after);
      } else {
        sources.pop_back();
      }
    }
    visit(sum);
  }
}

}  // namespace gptc::tokenizer
