#include "frontend/formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "frontend/formats/error.h"
#include "frontend/formats/json_events.h"
#include "frontend/formats/safetensors_header.h"

namespace gptc::formats {
namespace {

constexpr std::size_t length_bytes = 8;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What people take for a safetensors file, by its first bytes.
std::string_view look_alike(std::string_view text) {
  using namespace std::string_view_literals;
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> signatures{{
      {"PK\x03\x04"sv,
       "a PyTorch file (pickle in zip), which can run code: save the weights as safetensors"sv},
      {"\x80\x02"sv, "a Python pickle, which can run code: save the weights as safetensors"sv},
      {"GGUF"sv, "a GGUF file: give the safetensors file"sv},
      {"\x89HDF"sv, "an HDF5 file: give the safetensors file"sv},
      {"version https://git-lfs"sv, "a Git LFS pointer: fetch the real file with git lfs pull"sv},
  }};
  for (const auto& [start, what] : signatures)
    if (text.starts_with(start)) return what;
  return {};
}

std::uint64_t read_length(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;)
    length = length << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return length;
}

/// The header's text, once its length is proven to lie within the file.
std::string_view header_text(std::span<const std::byte> bytes) {
  if (const std::string_view what = look_alike(as_text(bytes)); !what.empty())
    throw JsonError(fmt::format("this is {}", what));
  if (bytes.size() < length_bytes)
    throw JsonError(
        fmt::format("a safetensors file has at least 8 bytes, but this one has {}", bytes.size()));
  const std::uint64_t length = read_length(bytes);
  if (length > max_header_bytes)
    throw JsonError(
        fmt::format("the header may take {} bytes, but claims {}", max_header_bytes, length));
  if (length > bytes.size() - length_bytes)
    throw JsonError(fmt::format("the header claims {} bytes, but {} follow: the file is cut short",
                                length, bytes.size() - length_bytes));
  const std::string_view text = as_text(bytes.subspan(length_bytes, length));
  if (!text.starts_with('{'))
    throw JsonError("the header must begin with {, so this is not a safetensors file");
  return text;
}

/// Sorts the entries by offset and proves that they cover `size` bytes exactly once.
void check_layout(std::vector<HeaderEntry>& entries, std::uint64_t size) {
  std::ranges::sort(entries, {}, [](const HeaderEntry& e) {
    return std::tuple(e.begin, e.end, std::string_view(e.name));
  });
  std::uint64_t next = 0;
  for (const HeaderEntry& entry : entries) {
    const std::string who = fmt::format("tensor {}: ", in_quotes(entry.name));
    if (entry.end < entry.begin)
      throw JsonError(
          fmt::format("{}data_offsets must rise, but are [{},{}]", who, entry.begin, entry.end));
    const std::uint64_t needed = bytes_needed(entry);
    if (needed != entry.end - entry.begin)
      throw JsonError(fmt::format("{}{}{} takes {} bytes, but data_offsets [{},{}] span {}", who,
                                  name(entry.dtype), shape_text(entry.shape), needed, entry.begin,
                                  entry.end, entry.end - entry.begin));
    if (entry.end > size)
      throw JsonError(
          fmt::format("{}it ends at byte {} of the data, but there are {}: the file is cut short",
                      who, entry.end, size));
    if (entry.begin != next)
      throw JsonError(
          fmt::format("{}it must begin at byte {} of the data, where the one before ends, but "
                      "begins at {} ({})",
                      who, next, entry.begin, entry.begin < next ? "overlap" : "hole"));
    next = entry.end;
  }
  if (next != size)
    throw JsonError(
        fmt::format("the tensors end at byte {} of the data, but the file has {} more bytes", next,
                    size - next));
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::string& path) {
  auto mapping = std::make_shared<const MappedFile>(path);
  SafetensorsFile file = parse(mapping->bytes(), path);
  file.mapping_ = std::move(mapping);
  return file;
}

SafetensorsFile SafetensorsFile::parse(std::span<const std::byte> bytes, std::string origin) {
  SafetensorsFile file;
  file.origin_ = std::move(origin);
  try {
    const std::string_view text = header_text(bytes);
    const auto data = bytes.subspan(length_bytes + text.size());
    Header header = parse_header(text);
    check_layout(header.entries, data.size());
    for (HeaderEntry& entry : header.entries) {
      file.index_.emplace(entry.name, file.tensors_.size());
      file.tensors_.push_back({.name = std::move(entry.name),
                               .dtype = entry.dtype,
                               .shape = std::move(entry.shape),
                               .bytes = data.subspan(entry.begin, entry.end - entry.begin)});
    }
    file.metadata_ = std::move(header.metadata);
  } catch (const JsonError& error) {
    throw Error(fmt::format("{}: {}", in_quotes(file.origin_), error.what()));
  }
  return file;
}

const TensorBytes* SafetensorsFile::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

const TensorBytes& SafetensorsFile::at(std::string_view name) const {
  if (const TensorBytes* tensor = find(name)) return *tensor;
  throw Error(fmt::format("{}: there is no tensor {} among its {}", in_quotes(origin_),
                          in_quotes(name), tensors_.size()));
}

}  // namespace gptc::formats
