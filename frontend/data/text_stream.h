#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace gptc::data {

/// Whether a stream refuses, as read_text does, empty files and ones that hold a NUL byte: in a
/// corpus they are mistakes.
enum class Contents : std::uint8_t { text, any_bytes };

/// Text files part by part, for texts of any size. A file is one document.
class TextStream {
 public:
  /// The files that `arguments` mean (see expand_paths); "-" is stdin, whose size is not known.
  /// Throws Error before anything is read if one of them cannot be used.
  explicit TextStream(const std::vector<std::string>& arguments,
                      Contents contents = Contents::text);

  /// Of all files; nothing for stdin.
  [[nodiscard]] std::uint64_t total_bytes() const { return total_bytes_; }
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }

  /// Opens the next document; false after the last one.
  bool next_document();

  /// Appends up to `most` bytes of the document; false at its end. Throws Error.
  bool read(std::string& text, std::size_t most);

 private:
  void check(const std::string& path);
  [[noreturn]] void fail(const std::string& what) const;

  Contents contents_;
  std::vector<std::string> paths_;
  std::uint64_t total_bytes_ = 0;
  std::size_t next_ = 0;
  std::string path_;        // of the document
  std::uint64_t read_ = 0;  // bytes of it
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{nullptr, std::fclose};
};

}  // namespace gptc::data
