#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/formats/dtype.h"

namespace gptc::formats {

/// A header's limit in bytes, the reference implementation's.
inline constexpr std::uint64_t max_header_bytes = 100'000'000;

/// One entry of a header, its offsets relative to the end of the header.
struct HeaderEntry {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Header {
  std::vector<HeaderEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// Reads the JSON of a header: the rules of each entry's form. Offsets are not yet compared with
/// anything. Throws JsonError without the file's name.
Header parse_header(std::string_view json);

/// The compact JSON of a header, padded with spaces so that the data begins at a
/// multiple of 64 bytes of the file, where it can be used as it is mapped. Throws JsonError.
std::string print_header(const Header& header);

/// Bytes the entry's type and shape ask for. Throws JsonError if that overflows or is no whole
/// number.
std::uint64_t bytes_needed(const HeaderEntry& entry);

/// "[2,3]"
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace gptc::formats
