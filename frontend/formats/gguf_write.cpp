#include <fmt/format.h>

#include <bit>
#include <set>
#include <type_traits>

#include "frontend/formats/atomic_file.h"
#include "frontend/formats/checked.h"
#include "frontend/formats/error.h"
#include "frontend/formats/gguf.h"
#include "frontend/formats/gguf_layout.h"

namespace gptc::formats {
namespace {

using gguf::Kind;

template <class T>
constexpr Kind kind_of() {
  if constexpr (std::is_same_v<T, bool>) return Kind::boolean;
  if constexpr (std::is_same_v<T, std::uint32_t>) return Kind::u32;
  if constexpr (std::is_same_v<T, std::int32_t>) return Kind::i32;
  if constexpr (std::is_same_v<T, std::uint64_t>) return Kind::u64;
  if constexpr (std::is_same_v<T, std::int64_t>) return Kind::i64;
  if constexpr (std::is_same_v<T, float>) return Kind::f32;
  if constexpr (std::is_same_v<T, double>) return Kind::f64;
  if constexpr (std::is_same_v<T, std::string>) return Kind::string;
}

/// The file's part before the tensors.
class Text {
 public:
  template <class T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void kind(Kind kind) { number(static_cast<std::uint32_t>(kind)); }
  void put(const std::string& text) {
    number<std::uint64_t>(text.size());
    bytes_ += text;
  }
  void put(bool value) { number(static_cast<std::uint8_t>(value ? 1 : 0)); }
  template <class T>
  requires std::is_arithmetic_v<T>
  void put(T value) { number(value); }

  void value(const GgufValue& value) {
    std::visit([this](const auto& v) { typed(v); }, value);
  }
  void raw(std::string_view text) { bytes_ += text; }
  void pad(std::uint64_t size) { bytes_.append(size, '\0'); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  template <class T>
  void typed(const T& value) {
    kind(kind_of<T>());
    put(value);
  }
  template <class T>
  void typed(const std::vector<T>& values) {
    kind(Kind::array);
    kind(kind_of<T>());
    number<std::uint64_t>(values.size());
    for (const T& value : values) put(value);
  }

  std::string bytes_;
};

std::uint32_t number_of(Encoding encoding) {
  for (const gguf::TensorKind& kind : gguf::tensor_kinds)
    if (kind.encoding == encoding) return kind.number;
  throw Error(fmt::format("GGUF has no tensors of {}", name(encoding)));
}

void check_names(const GgufKeys& keys, const std::vector<TensorStream>& tensors) {
  std::set<std::string_view> seen;
  for (const auto& [name, value] : keys)
    if (!seen.insert(name).second)
      throw Error(fmt::format("key {} is given twice", in_quotes(name)));
  if (seen.contains(gguf::alignment_key))
    throw Error(fmt::format("key {} is the writer's", in_quotes(gguf::alignment_key)));
  seen.clear();
  for (const TensorStream& tensor : tensors) {
    const std::string who = fmt::format("tensor {}", in_quotes(tensor.name));
    if (!seen.insert(tensor.name).second) throw Error(who + " is given twice");
    if (tensor.name.size() > gguf::max_tensor_name)
      throw Error(fmt::format("{}: its name may have {} bytes, but has {}", who,
                              gguf::max_tensor_name, tensor.name.size()));
    if (tensor.shape.size() > gguf::max_dimensions)
      throw Error(fmt::format("{}: it may have {} dimensions, but has {}", who,
                              gguf::max_dimensions, tensor.shape.size()));
    for (const std::int64_t size : tensor.shape)
      if (size < 1)
        throw Error(fmt::format("{}: a dimension must be from 1, but is {}", who, size));
  }
}

std::uint64_t padding_after(std::uint64_t offset) {
  constexpr std::uint64_t alignment = gguf::default_alignment;
  return (alignment - offset % alignment) % alignment;
}

struct Head {
  std::string bytes;
  std::uint64_t data_bytes = 0;
};

Head head_of(const GgufKeys& keys, const std::vector<TensorStream>& tensors) {
  check_names(keys, tensors);
  Text text;
  text.raw(gguf::magic);
  text.number(gguf::version);
  text.number<std::uint64_t>(tensors.size());
  text.number<std::uint64_t>(keys.size());
  for (const auto& [name, value] : keys) {
    text.put(name);
    text.value(value);
  }
  std::uint64_t offset = 0;
  for (const TensorStream& tensor : tensors) {
    text.put(tensor.name);
    text.number(static_cast<std::uint32_t>(tensor.shape.size()));
    for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size)
      text.number(static_cast<std::uint64_t>(*size));
    text.number(number_of(tensor.encoding));
    text.number(offset);
    const auto end = checked_add(offset, stored_bytes(tensor));
    const auto next = end ? gguf::aligned_up(*end, gguf::default_alignment) : std::nullopt;
    if (!next) throw Error("the sizes of all tensors exceed 64 bits");
    offset = *next;
  }
  text.pad(padding_after(text.bytes().size()));
  return {text.bytes(), offset};
}

}  // namespace

void write_gguf(const std::string& path, const GgufKeys& keys,
                const std::vector<TensorStream>& tensors) {
  static_assert(std::endian::native == std::endian::little);
  Head head;
  try {
    head = head_of(keys, tensors);
  } catch (const Error& error) {
    throw Error(fmt::format("cannot write {}: {}", in_quotes(path), error.what()));
  }
  AtomicFile file(path);
  file.require_free_space(head.bytes.size() + head.data_bytes);
  file.append(head.bytes);
  for (const TensorStream& tensor : tensors) {
    write_stream(tensor, [&](std::span<const std::byte> bytes) { file.append(bytes); });
    file.append(std::string(padding_after(stored_bytes(tensor)), '\0'));
  }
  file.commit();
}

}  // namespace gptc::formats
