#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "frontend/data/token_header.h"
#include "frontend/data/token_view.h"

namespace gptc::data {

/// A file of token ids without anything between, as nanoGPT writes it (train.bin): little-endian,
/// two bytes an id, or four where FILE.json beside it says so. It is mapped, so opening it costs
/// nothing and only the pages that are read come from the disk. Whoever replaces it must rename
/// over it: cutting it short under a mapping is fatal on any system.
class TokenFile {
 public:
  /// Throws Error for a file that cannot be read, that is empty, cut short, or not what its header
  /// says, and for the formats of other programs that this is not (by their magic numbers).
  explicit TokenFile(const std::string& path);
  TokenFile(const TokenFile&) = delete;  // views name its path
  TokenFile& operator=(const TokenFile&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return bytes_.size() / (width_ == TokenWidth::u16 ? 2 : 4); }
  TokenWidth width() const { return width_; }

  /// Nothing if there is no FILE.json: then two bytes an id are assumed, as nanoGPT writes.
  const std::optional<TokenHeader>& header() const { return header_; }

  /// The tokens, valid as long as this. Reading an id that is not below `vocab_size`, or not below
  /// the header's, throws Error.
  TokenView tokens(std::int64_t vocab_size) const;

  /// What stands beside a token file.
  static std::string header_path(const std::string& path) { return path + ".json"; }

 private:
  struct Unmap {
    std::size_t size;
    void operator()(const std::byte* data) const;
  };
  void map();
  void check_size() const;

  std::string path_;
  std::unique_ptr<const std::byte, Unmap> mapping_{nullptr, Unmap{0}};
  std::span<const std::byte> bytes_;
  TokenWidth width_ = TokenWidth::u16;
  std::optional<TokenHeader> header_;
};

/// Whether an argument names a token file rather than text: it ends in ".bin".
bool is_token_file(const std::string& path);

}  // namespace gptc::data
