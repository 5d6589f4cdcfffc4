#include "frontend/formats/safetensors_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "frontend/formats/checked.h"
#include "frontend/formats/error.h"
#include "frontend/formats/json_events.h"

namespace gptc::formats {
namespace {

constexpr std::string_view metadata_key = "__metadata__";

/// A machine over the fixed form {NAME: {dtype, shape: [..], data_offsets: [b, e]}, __metadata__:
/// {KEY: TEXT}}.
class HeaderReader : public JsonEvents {
 public:
  Header take() { return std::move(header_); }

  void begin_object() override {
    if (at_ == At::start) {
      at_ = At::header;
    } else if (at_ == At::header) {
      at_ = key_ == metadata_key ? At::metadata : At::entry;
      if (at_ == At::entry) begin_entry();
    } else {
      unexpected("an object");
    }
  }

  void key(const std::string& name) override {
    key_ = name;
    if (at_ == At::entry && name != "dtype" && name != "shape" && name != "data_offsets")
      reject(fmt::format("unknown field {}; an entry has dtype, shape and data_offsets",
                         in_quotes(name)));
  }

  void end_object() override {
    if (at_ == At::entry) end_entry();
    at_ = At::header;
  }

  void begin_array() override {
    if (at_ == At::entry && key_ == "shape") {
      at_ = At::shape;
      has_shape_ = true;
    } else if (at_ == At::entry && key_ == "data_offsets") {
      at_ = At::offsets;
    } else {
      unexpected("an array");
    }
  }

  void end_array() override {
    if (at_ == At::offsets && offsets_ != 2)
      reject(fmt::format("data_offsets must be [begin, end], but has {} numbers", offsets_));
    at_ = At::entry;
  }

  void natural(std::uint64_t value) override {
    if (at_ == At::shape) {
      const auto dimension = checked_narrow<std::int64_t>(value);
      if (!dimension) reject(fmt::format("shape holds {}, more than 63 bits", value));
      entry().shape.push_back(*dimension);
    } else if (at_ == At::offsets) {
      if (offsets_ < 2) (offsets_ == 0 ? entry().begin : entry().end) = value;
      ++offsets_;
    } else {
      unexpected(fmt::format("the number {}", value));
    }
  }

  void string(std::string& value) override {
    if (at_ == At::metadata) {
      header_.metadata.emplace(key_, std::move(value));
    } else if (at_ == At::entry && key_ == "dtype") {
      const auto type = dtype_named(value);
      if (!type) reject(fmt::format("unknown dtype {}", in_quotes(value)));
      entry().dtype = *type;
      has_dtype_ = true;
    } else {
      unexpected(fmt::format("the string {}", in_quotes(value)));
    }
  }

  void null() override { unexpected("null"); }
  void boolean(bool value) override { unexpected(value ? "true" : "false"); }
  void negative(std::int64_t value) override { unexpected(fmt::format("the number {}", value)); }
  void real(double value) override { unexpected(fmt::format("the number {}", value)); }

 private:
  enum class At { start, header, metadata, entry, shape, offsets };

  HeaderEntry& entry() { return header_.entries.back(); }

  void begin_entry() {
    header_.entries.push_back({.name = key_, .shape = {}});
    has_dtype_ = has_shape_ = false;
    offsets_ = 0;
  }

  void end_entry() {
    const char* missing = !has_dtype_     ? "dtype"
                          : !has_shape_   ? "shape"
                          : offsets_ == 0 ? "data_offsets"
                                          : nullptr;
    if (missing != nullptr) reject(fmt::format("it has no {}", missing));
    entry().shape.shrink_to_fit();
  }

  [[noreturn]] void reject(const std::string& why) {
    throw JsonError(fmt::format("tensor {}: {}", in_quotes(entry().name), why));
  }

  [[noreturn]] void unexpected(const std::string& got) {
    switch (at_) {
      case At::start:
        throw JsonError("the header must be a JSON object, but is " + got);
      case At::header:
        throw JsonError(
            fmt::format("tensor {} must be an object, but is {}", in_quotes(key_), got));
      case At::metadata:
        throw JsonError(
            fmt::format("__metadata__ {} must be a string, but is {}", in_quotes(key_), got));
      case At::entry:
        reject(fmt::format("{} must be {}, but is {}", key_, form(), got));
      case At::shape:
        reject("shape must hold whole numbers from 0, but holds " + got);
      case At::offsets:
        reject("data_offsets must hold whole numbers from 0, but holds " + got);
    }
    std::abort();
  }

  [[nodiscard]] std::string_view form() const {
    return key_ == "dtype" ? "a string" : "a list of whole numbers";
  }

  Header header_;
  At at_ = At::start;
  std::string key_;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  int offsets_ = 0;
};

}  // namespace

Header parse_header(std::string_view json) {
  HeaderReader reader;
  parse_json(json, reader);
  return reader.take();
}

std::string print_header(const Header& header) {
  std::vector<std::string> items;
  std::vector<std::string> pairs;
  for (const auto& [key, value] : header.metadata)
    pairs.push_back(json_string(key) + ":" + json_string(value));
  if (!pairs.empty())
    items.push_back(fmt::format(R"("{}":{{{}}})", metadata_key, fmt::join(pairs, ",")));
  for (const HeaderEntry& entry : header.entries)
    items.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})",
                                json_string(entry.name), name(entry.dtype), shape_text(entry.shape),
                                entry.begin, entry.end));
  std::string text = fmt::format("{{{}}}", fmt::join(items, ","));
  constexpr std::size_t alignment = 64;
  const std::size_t before_data = sizeof(std::uint64_t) + text.size();
  text.append((alignment - before_data % alignment) % alignment, ' ');
  return text;
}

std::uint64_t bytes_needed(const HeaderEntry& entry) {
  const auto elements = checked_elements(entry.shape);
  const auto total = elements
                         ? checked_mul(*elements, static_cast<std::uint64_t>(bits(entry.dtype)))
                         : std::nullopt;
  const std::string type = fmt::format("{}{}", name(entry.dtype), shape_text(entry.shape));
  if (!total)
    throw JsonError(
        fmt::format("tensor {}: the size of {} exceeds 64 bits", in_quotes(entry.name), type));
  if (*total % 8 != 0)
    throw JsonError(fmt::format("tensor {}: {} takes {} bits, not a whole number of bytes",
                                in_quotes(entry.name), type, *total));
  return *total / 8;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

}  // namespace gptc::formats
