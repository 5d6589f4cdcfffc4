#include "frontend/data/token_header.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "frontend/data/error.h"

namespace gptc::data {
namespace {

using nlohmann::json;

constexpr std::string_view kFormat = "gptc tokens";
constexpr std::uint64_t kVersion = 1;
constexpr std::int64_t kLargestVocabulary = std::numeric_limits<std::int32_t>::max();

/// The header's object with typed, range-checked access.
class Fields {
 public:
  Fields(const std::string& name, std::string_view text) : name_(name), object_(read(text)) {
    constexpr std::array<std::string_view, 9> known = {
        "format",    "version",     "dtype",      "tokens",         "vocab_size",
        "tokenizer", "end_of_text", "text_bytes", "unigram_entropy"};
    if (!object_.is_object()) throw Error(name_ + ": must be a JSON object");
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end()) reject(key, "is not known");
    }
  }

  const json& at(const std::string& key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) throw Error(fmt::format("{}: \"{}\" is missing", name_, key));
    return *found;
  }

  std::uint64_t natural(const std::string& key, std::uint64_t least, std::uint64_t most) const {
    const json& value = at(key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < least ||
        value.get<std::uint64_t>() > most)
      reject(key, fmt::format("must be a whole number from {} to {}", least, most));
    return value.get<std::uint64_t>();
  }

  std::string text(const std::string& key) const {
    if (!at(key).is_string()) reject(key, "must be a text");
    return at(key).get<std::string>();
  }

  double real(const std::string& key, double most) const {
    const json& value = at(key);
    if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() <= most))
      reject(key, fmt::format("must be a number from 0 to {}", most));
    return value.get<double>();
  }

  [[noreturn]] void reject(const std::string& key, const std::string& rule) const {
    const json shown_key = key.substr(0, 60);
    std::string value = at(key).dump(-1, ' ', true, json::error_handler_t::replace);
    if (value.size() > 60) value = value.substr(0, 60) + "...";
    throw Error(fmt::format("{}: {} {}, but is {}", name_,
                            shown_key.dump(-1, ' ', true, json::error_handler_t::replace), rule,
                            value));
  }

 private:
  json read(std::string_view text) const {
    std::set<std::string> seen;
    const auto check = [&](int depth, json::parse_event_t event, json& value) {
      if (depth > 4) throw Error(name_ + ": nested deeper than a header needs");
      if (event == json::parse_event_t::key && depth == 1 &&
          !seen.insert(value.get<std::string>()).second)
        throw Error(name_ + ": a key occurs twice: " + value.dump());
      return true;
    };
    try {
      return json::parse(text, check);
    } catch (const json::parse_error& error) {
      throw Error(fmt::format("{}: byte {}: not valid JSON", name_, error.byte));
    } catch (const json::out_of_range&) {
      throw Error(name_ + ": holds a number beyond what 64 bits can hold");
    }
  }

  const std::string& name_;
  json object_;
};

}  // namespace

TokenWidth width_for(std::int64_t vocab_size) {
  return vocab_size <= std::int64_t{1} << 16 ? TokenWidth::u16 : TokenWidth::u32;
}

std::string header_text(const TokenHeader& header) {
  const nlohmann::ordered_json end =
      header.end_of_text ? nlohmann::ordered_json(*header.end_of_text) : nullptr;
  const nlohmann::ordered_json object = {
      {"format", kFormat},
      {"version", kVersion},
      {"dtype", header.width == TokenWidth::u16 ? "uint16" : "uint32"},
      {"tokens", header.tokens},
      {"vocab_size", header.vocab_size},
      {"tokenizer", header.tokenizer},
      {"end_of_text", end},
      {"text_bytes", header.text_bytes},
      {"unigram_entropy", header.unigram_entropy}};
  return object.dump(2) + "\n";
}

TokenHeader parse_header(const std::string& name, std::string_view text) {
  const Fields fields(name, text);
  if (fields.text("format") != kFormat) fields.reject("format", "must be \"gptc tokens\"");
  fields.natural("version", kVersion, kVersion);
  const std::string dtype = fields.text("dtype");
  if (dtype != "uint16" && dtype != "uint32")
    fields.reject("dtype", "must be \"uint16\" or \"uint32\"");
  constexpr std::uint64_t most = std::uint64_t{1} << 60;
  TokenHeader header;
  header.width = dtype == "uint16" ? TokenWidth::u16 : TokenWidth::u32;
  header.tokens = fields.natural("tokens", 0, most);
  header.vocab_size =
      static_cast<std::int64_t>(fields.natural("vocab_size", 1, kLargestVocabulary));
  header.tokenizer = fields.text("tokenizer");
  if (!fields.at("end_of_text").is_null())
    header.end_of_text = static_cast<std::int32_t>(
        fields.natural("end_of_text", 0, static_cast<std::uint64_t>(header.vocab_size) - 1));
  header.text_bytes = fields.natural("text_bytes", 0, most);
  header.unigram_entropy = fields.real("unigram_entropy", 64);
  return header;
}

}  // namespace gptc::data
