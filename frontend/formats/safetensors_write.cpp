#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "frontend/formats/atomic_file.h"
#include "frontend/formats/checked.h"
#include "frontend/formats/error.h"
#include "frontend/formats/json_events.h"
#include "frontend/formats/safetensors.h"
#include "frontend/formats/safetensors_header.h"

namespace gptc::formats {
namespace {

/// A tensor to be written, wherever its bytes come from.
struct Item {
  HeaderEntry entry;                                  // offsets are set by `header_for`
  std::optional<std::uint64_t> given = std::nullopt;  // bytes there are
  std::function<void(const ByteSink&)> write = {};
};

Header header_for(const std::vector<Item>& items,
                  const std::map<std::string, std::string>& metadata) {
  Header header{.entries = {}, .metadata = metadata};
  std::uint64_t next = 0;
  for (const Item& item : items) {
    HeaderEntry entry = item.entry;
    if (entry.name == "__metadata__") throw JsonError("a tensor may not be named __metadata__");
    const std::uint64_t needed = bytes_needed(entry);
    if (item.given.value_or(needed) != needed)
      throw JsonError(fmt::format("tensor {}: {}{} takes {} bytes, but {} were given",
                                  in_quotes(entry.name), name(entry.dtype), shape_text(entry.shape),
                                  needed, *item.given));
    const auto end = checked_add<std::uint64_t>(next, needed);
    if (!end) throw JsonError("the sizes of all tensors exceed 64 bits");
    entry.begin = next;
    next = entry.end = *end;
    header.entries.push_back(std::move(entry));
  }
  return header;
}

void check_names(const std::vector<Item>& items) {
  std::vector<std::string_view> names;
  names.reserve(items.size());
  for (const Item& item : items) names.emplace_back(item.entry.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end())
    throw JsonError(fmt::format("tensor {} is given twice", in_quotes(*twice)));
}

struct Head {
  std::string text;
  std::uint64_t data_bytes = 0;
};

Head head_of(const std::string& path, const std::vector<Item>& items,
             const std::map<std::string, std::string>& metadata) {
  try {
    check_names(items);
    const Header header = header_for(items, metadata);
    Head head{.text = print_header(header)};
    if (head.text.size() > max_header_bytes)
      throw JsonError(fmt::format("the header may take {} bytes, but needs {}", max_header_bytes,
                                  head.text.size()));
    head.data_bytes = header.entries.empty() ? 0 : header.entries.back().end;
    return head;
  } catch (const JsonError& error) {
    throw Error(fmt::format("cannot write {}: {}", in_quotes(path), error.what()));
  }
}

void write_items(const std::string& path, std::vector<Item> items,
                 const std::map<std::string, std::string>& metadata) {
  std::ranges::sort(items, {}, [](const Item& item) {
    return std::pair(-static_cast<int>(item.entry.dtype), std::string_view(item.entry.name));
  });
  const Head head = head_of(path, items, metadata);
  std::array<std::byte, sizeof(std::uint64_t)> length{};
  for (std::size_t i = 0; i < length.size(); ++i)
    length[i] = static_cast<std::byte>(head.text.size() >> (8 * i));
  AtomicFile file(path);
  file.require_free_space(length.size() + head.text.size() + head.data_bytes);
  file.append(length);
  file.append(head.text);
  for (const Item& item : items)
    item.write([&](std::span<const std::byte> bytes) { file.append(bytes); });
  file.commit();
}

DType dtype_of(const std::string& path, const TensorStream& tensor) {
  switch (tensor.encoding) {
    case Encoding::F32:
      return DType::F32;
    case Encoding::F16:
      return DType::F16;
    case Encoding::BF16:
      return DType::BF16;
    case Encoding::Q8_0:
    case Encoding::Q4_0:
      break;
  }
  throw Error(fmt::format("cannot write {}: tensor {}: safetensors have no {}", in_quotes(path),
                          in_quotes(tensor.name), name(tensor.encoding)));
}

/// What `write` gives must be the bytes that the entry takes.
void write_exactly(const HeaderEntry& entry, const std::function<void(const ByteSink&)>& write,
                   const ByteSink& sink) {
  const std::uint64_t wanted = bytes_needed(entry);
  std::uint64_t written = 0;
  write([&](std::span<const std::byte> bytes) {
    written += bytes.size();
    if (written <= wanted) sink(bytes);
  });
  if (written != wanted)
    throw Error(fmt::format("tensor {}: it takes {} bytes, but {} were written",
                            in_quotes(entry.name), wanted, written));
}

}  // namespace

void write_safetensors(const std::string& path, std::vector<TensorBytes> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<Item> items;
  items.reserve(tensors.size());
  for (TensorBytes& tensor : tensors) {
    const std::span<const std::byte> bytes = tensor.bytes;
    items.push_back({.entry = {.name = std::move(tensor.name),
                               .dtype = tensor.dtype,
                               .shape = std::move(tensor.shape)},
                     .given = bytes.size(),
                     .write = [bytes](const ByteSink& sink) { sink(bytes); }});
  }
  write_items(path, std::move(items), metadata);
}

void stream_safetensors(const std::string& path, std::vector<MadeTensor> tensors,
                        const std::map<std::string, std::string>& metadata) {
  std::vector<Item> items;
  for (MadeTensor& tensor : tensors) {
    Item item = {.entry = {.name = std::move(tensor.name),
                           .dtype = tensor.dtype,
                           .shape = std::move(tensor.shape)}};
    item.write = [entry = item.entry, write = std::move(tensor.write)](const ByteSink& sink) {
      write_exactly(entry, write, sink);
    };
    items.push_back(std::move(item));
  }
  write_items(path, std::move(items), metadata);
}

void stream_safetensors(const std::string& path, std::vector<TensorStream> tensors,
                        const std::map<std::string, std::string>& metadata) {
  std::vector<Item> items;
  items.reserve(tensors.size());
  for (TensorStream& tensor : tensors) {
    HeaderEntry entry{.name = tensor.name, .dtype = dtype_of(path, tensor), .shape = tensor.shape};
    items.push_back(
        {.entry = std::move(entry), .write = [stream = std::move(tensor)](const ByteSink& sink) {
           write_stream(stream, sink);
         }});
  }
  write_items(path, std::move(items), metadata);
}

}  // namespace gptc::formats
