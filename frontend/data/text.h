#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gptc::data {

/// The content of one file. A file is one document: whoever trains on several puts an end-of-text
/// token between.
struct TextDocument {
  std::string path;
  std::string text;
};

/// The files that arguments of a command line mean, in the order of the arguments: a file is
/// itself; a folder is the
/// `.txt` files in it and below, hidden ones left out; anything else is a pattern with `*`, `?`,
/// `[..]`. What one argument expands to is sorted by bytes, so the order is the same on every
/// machine. Throws Error if an argument means no file.
std::vector<std::string> expand_paths(const std::vector<std::string>& arguments);

/// Expands and reads. The bytes are kept as they are. Throws Error for a file that is missing,
/// unreadable, not a regular file, empty, or not text (it holds a NUL byte; the message says at
/// which byte).
std::vector<TextDocument> read_text(const std::vector<std::string>& arguments);

/// Bytes of all documents.
std::size_t total_bytes(const std::vector<TextDocument>& documents);

}  // namespace gptc::data
