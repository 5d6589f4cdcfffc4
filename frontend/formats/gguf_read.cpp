#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <string>

#include "frontend/formats/checked.h"
#include "frontend/formats/error.h"
#include "frontend/formats/gguf.h"
#include "frontend/formats/gguf_layout.h"

namespace gptc::formats {
namespace {

using gguf::Kind;

/// Why a file was rejected; the caller adds its name.
struct Rejected : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Args>
[[noreturn]] void reject(fmt::format_string<Args...> text, Args&&... args) {
  throw Rejected(fmt::format(text, std::forward<Args>(args)...));
}

/// The bytes of a file from front to back.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::uint64_t at() const { return at_; }
  [[nodiscard]] std::uint64_t left() const { return bytes_.size() - at_; }

  std::span<const std::byte> take(std::uint64_t size, std::string_view what) {
    if (size > left())
      reject("byte {}: {} takes {} bytes, but {} are left: the file is cut short", at_, what, size,
             left());
    const auto part = bytes_.subspan(at_, size);
    at_ += size;
    return part;
  }

  template <class T>
  T number(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }

  /// How many things follow, each of at least `smallest` bytes.
  std::uint64_t count(std::uint64_t smallest, std::string_view what) {
    const auto number_of = number<std::uint64_t>(what);
    check_count(number_of, smallest, what);
    return number_of;
  }
  void check_count(std::uint64_t number_of, std::uint64_t smallest, std::string_view what) const {
    const auto bytes = checked_mul(number_of, smallest);
    if (!bytes || *bytes > left())
      reject("byte {}: {} is {}, which takes at least {} bytes each, but {} bytes are left", at_,
             what, number_of, smallest, left());
  }

  std::string text(std::uint64_t limit, std::string_view what) {
    const std::uint64_t start = at_;
    const auto size = number<std::uint64_t>(what);
    if (size > limit)
      reject("byte {}: {} may have {} bytes, but claims {}", start, what, limit, size);
    const auto bytes = take(size, what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t at_ = 0;
};

constexpr std::uint64_t any_length = ~std::uint64_t{0};

/// One value as stored (`Stored`), kept as `Kept`.
template <class Stored, class Kept>
struct NumberReader {
  using Value = Kept;
  static constexpr std::uint64_t smallest = sizeof(Stored);
  static Kept read(Cursor& cursor, const std::string& key) {
    return static_cast<Kept>(cursor.number<Stored>(key));
  }
};
struct BoolReader {
  using Value = bool;
  static constexpr std::uint64_t smallest = 1;
  static bool read(Cursor& cursor, const std::string& key) {
    const std::uint64_t at = cursor.at();
    const auto byte = cursor.number<std::uint8_t>(key);
    if (byte > 1) reject("byte {}: {} must be true (1) or false (0), but is {}", at, key, byte);
    return byte == 1;
  }
};
struct TextReader {
  using Value = std::string;
  static constexpr std::uint64_t smallest = sizeof(std::uint64_t);
  static std::string read(Cursor& cursor, const std::string& key) {
    return cursor.text(any_length, key);
  }
};

template <class Reader>
GgufValue read_one(Cursor& cursor, const std::string& key) {
  return Reader::read(cursor, key);
}

template <class Reader>
GgufValue read_array(Cursor& cursor, const std::string& key) {
  const std::uint64_t size = cursor.count(Reader::smallest, key + "'s length");
  std::vector<typename Reader::Value> values;
  values.reserve(size);
  for (std::uint64_t i = 0; i < size; ++i) values.push_back(Reader::read(cursor, key));
  return values;
}

struct KindRow {
  Kind kind;
  GgufValue (*one)(Cursor&, const std::string&);
  GgufValue (*array)(Cursor&, const std::string&);
};

template <class Reader>
constexpr KindRow row(Kind kind) {
  return {kind, read_one<Reader>, read_array<Reader>};
}

constexpr std::array kind_rows{
    row<NumberReader<std::uint8_t, std::uint32_t>>(Kind::u8),
    row<NumberReader<std::int8_t, std::int32_t>>(Kind::i8),
    row<NumberReader<std::uint16_t, std::uint32_t>>(Kind::u16),
    row<NumberReader<std::int16_t, std::int32_t>>(Kind::i16),
    row<NumberReader<std::uint32_t, std::uint32_t>>(Kind::u32),
    row<NumberReader<std::int32_t, std::int32_t>>(Kind::i32),
    row<NumberReader<float, float>>(Kind::f32),
    row<BoolReader>(Kind::boolean),
    row<TextReader>(Kind::string),
    row<NumberReader<std::uint64_t, std::uint64_t>>(Kind::u64),
    row<NumberReader<std::int64_t, std::int64_t>>(Kind::i64),
    row<NumberReader<double, double>>(Kind::f64),
};

const KindRow& kind_row(std::uint32_t number, std::uint64_t at, const std::string& key) {
  for (const KindRow& candidate : kind_rows)
    if (static_cast<std::uint32_t>(candidate.kind) == number) return candidate;
  if (number == static_cast<std::uint32_t>(Kind::array))
    reject("byte {}: {} must not be an array of arrays", at, key);
  reject("byte {}: {} has the unknown type {}", at, key, number);
}

GgufValue read_value(Cursor& cursor, const std::string& key) {
  std::uint64_t at = cursor.at();
  const auto kind = cursor.number<std::uint32_t>(key + "'s type");
  if (kind != static_cast<std::uint32_t>(Kind::array))
    return kind_row(kind, at, key).one(cursor, key);
  at = cursor.at();
  const auto element = cursor.number<std::uint32_t>(key + "'s element type");
  return kind_row(element, at, key).array(cursor, key);
}

struct Counts {
  std::uint64_t tensors;
  std::uint64_t keys;
};

Counts read_start(Cursor& cursor) {
  const auto start = cursor.take(gguf::magic.size(), "the magic GGUF");
  if (std::memcmp(start.data(), gguf::magic.data(), start.size()) != 0)
    reject("it must begin with GGUF, so this is no GGUF file");
  const auto version = cursor.number<std::uint32_t>("the version");
  if (version != gguf::version && version != 2)
    reject("the version must be 2 or 3, but is {}{}", version,
           version == __builtin_bswap32(gguf::version) ? " (a big-endian file)" : "");
  const auto tensors = cursor.number<std::uint64_t>("the number of tensors");
  const auto keys = cursor.number<std::uint64_t>("the number of keys");
  constexpr std::uint64_t smallest_tensor = 8 + 4 + 4 + 8;
  constexpr std::uint64_t smallest_key = 8 + 4 + 1;
  cursor.check_count(tensors, smallest_tensor, "the number of tensors");
  cursor.check_count(keys, smallest_key, "the number of keys");
  return {tensors, keys};
}

GgufKeys read_keys(Cursor& cursor, std::uint64_t count) {
  GgufKeys keys;
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t at = cursor.at();
    std::string name = cursor.text(gguf::max_key, "a key");
    if (name.empty()) reject("byte {}: a key is empty", at);
    if (!names.insert(name).second) reject("byte {}: key {} occurs twice", at, in_quotes(name));
    GgufValue value = read_value(cursor, fmt::format("key {}", in_quotes(name)));
    keys.emplace_back(std::move(name), std::move(value));
  }
  return keys;
}

std::uint64_t alignment_of(const GgufKeys& keys) {
  const auto found = std::ranges::find(keys, gguf::alignment_key, &GgufKeys::value_type::first);
  if (found == keys.end()) return gguf::default_alignment;
  const auto* alignment = std::get_if<std::uint32_t>(&found->second);
  if (alignment == nullptr) reject("key {} must be a whole number", in_quotes(gguf::alignment_key));
  if (!std::has_single_bit(*alignment) || *alignment > gguf::max_alignment)
    reject("key {} must be a power of two up to {}, but is {}", in_quotes(gguf::alignment_key),
           gguf::max_alignment, *alignment);
  return *alignment;
}

/// A tensor as the list describes it; its bytes are not known yet.
struct Listed {
  GgufTensor tensor;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

Encoding encoding_numbered(std::uint32_t number, const std::string& who) {
  for (const gguf::TensorKind& kind : gguf::tensor_kinds)
    if (kind.number == number) return kind.encoding;
  reject("{}: its type must be F32 (0), F16 (1), Q4_0 (2), Q8_0 (8) or BF16 (30), but is {}", who,
         number);
}

void read_shape(Cursor& cursor, Listed& listed, const std::string& who) {
  const auto rank = cursor.number<std::uint32_t>(who + ": the number of dimensions");
  if (rank > gguf::max_dimensions)
    reject("{}: it may have {} dimensions, but claims {}", who, gguf::max_dimensions, rank);
  for (std::uint32_t i = 0; i < rank; ++i) {
    const auto size = cursor.number<std::uint64_t>(who + ": a dimension");
    const auto narrow = checked_narrow<std::int64_t>(size);
    if (!narrow || *narrow == 0)
      reject("{}: a dimension must be from 1 to 2^63-1, but is {}", who, size);
    listed.tensor.shape.insert(listed.tensor.shape.begin(), *narrow);
  }
}

Listed read_listed(Cursor& cursor) {
  Listed listed;
  listed.tensor.name = cursor.text(gguf::max_tensor_name, "a tensor's name");
  const std::string who = fmt::format("tensor {}", in_quotes(listed.tensor.name));
  read_shape(cursor, listed, who);
  listed.tensor.encoding = encoding_numbered(cursor.number<std::uint32_t>(who + ": its type"), who);
  listed.offset = cursor.number<std::uint64_t>(who + ": its offset");
  listed.size = stored_bytes({listed.tensor.name, listed.tensor.encoding, listed.tensor.shape, {}});
  return listed;
}

std::vector<Listed> read_list(Cursor& cursor, std::uint64_t count) {
  std::vector<Listed> list;
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < count; ++i) {
    list.push_back(read_listed(cursor));
    const std::string& name = list.back().tensor.name;
    if (!names.insert(name).second) reject("tensor {} occurs twice", in_quotes(name));
  }
  return list;
}

/// Proves that the tensors lie one behind the other in `data` and gives each its bytes.
std::vector<GgufTensor> place(std::vector<Listed> list, std::span<const std::byte> data,
                              std::uint64_t alignment) {
  std::vector<GgufTensor> tensors;
  std::uint64_t next = 0;
  std::uint64_t end = 0;
  for (Listed& listed : list) {
    const std::string who = fmt::format("tensor {}", in_quotes(listed.tensor.name));
    if (listed.offset != next)
      reject("{}: it must begin at byte {} of the data, behind the one before, but begins at {}",
             who, next, listed.offset);
    const auto past = checked_add(listed.offset, listed.size);
    if (!past || *past > data.size())
      reject(
          "{}: its {} bytes begin at byte {} of the data, but there are {}: the file is cut "
          "short",
          who, listed.size, listed.offset, data.size());
    end = *past;
    listed.tensor.bytes = data.subspan(listed.offset, listed.size);
    tensors.push_back(std::move(listed.tensor));
    const auto aligned = gguf::aligned_up(end, alignment);
    if (!aligned) reject("{}: the sizes of all tensors exceed 64 bits", who);
    next = *aligned;
  }
  if (data.size() > next)
    reject("the tensors end at byte {} of the data, but the file has {} more bytes", end,
           data.size() - end);
  return tensors;
}

}  // namespace

GgufFile GgufFile::parse(std::span<const std::byte> bytes, const std::string& origin) {
  static_assert(std::endian::native == std::endian::little);
  GgufFile file;
  try {
    Cursor cursor(bytes);
    const Counts counts = read_start(cursor);
    file.keys_ = read_keys(cursor, counts.keys);
    const std::uint64_t alignment = alignment_of(file.keys_);
    std::vector<Listed> list = read_list(cursor, counts.tensors);
    const auto start = gguf::aligned_up(cursor.at(), alignment);
    const auto data =
        start && *start <= bytes.size() ? bytes.subspan(*start) : std::span<const std::byte>();
    file.tensors_ = place(std::move(list), data, alignment);
  } catch (const Rejected& error) {
    throw Error(fmt::format("{}: {}", in_quotes(origin), error.what()));
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", in_quotes(origin), error.what()));
  }
  return file;
}

GgufFile GgufFile::open(const std::string& path) {
  auto mapping = std::make_shared<const MappedFile>(path);
  GgufFile file = parse(mapping->bytes(), path);
  file.mapping_ = std::move(mapping);
  return file;
}

const GgufValue* GgufFile::find_key(std::string_view name) const {
  const auto found = std::ranges::find(keys_, name, &GgufKeys::value_type::first);
  return found == keys_.end() ? nullptr : &found->second;
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &GgufTensor::name);
  return found == tensors_.end() ? nullptr : &*found;
}

}  // namespace gptc::formats
