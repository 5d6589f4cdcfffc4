#include "frontend/formats/safetensors_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "frontend/formats/error.h"
#include "frontend/formats/json_events.h"
#include "frontend/formats/mapped_file.h"

namespace gptc::formats {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view single_file = "model.safetensors";
constexpr std::string_view index_file = "model.safetensors.index.json";
constexpr std::string_view map_key = "weight_map";
/// As much as a safetensors header may take.
constexpr std::uint64_t max_index_bytes = 100'000'000;

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

/// Takes {weight_map: {TENSOR: FILE}, ...}.
class IndexReader : public JsonEvents {
 public:
  std::map<std::string, std::string> take() {
    if (!seen_) throw JsonError(fmt::format("it must have {}", in_quotes(map_key)));
    return std::move(files_);
  }

  void begin_object() override {
    if (depth_ == 1 && key_ == map_key)
      in_map_ = seen_ = true;
    else
      other("an object");
    ++depth_;
  }
  void key(const std::string& name) override { key_ = name; }
  void end_object() override {
    --depth_;
    in_map_ = in_map_ && depth_ > 1;
  }
  void begin_array() override {
    other("an array");
    ++depth_;
  }
  void end_array() override { --depth_; }
  void null() override { other("null"); }
  void boolean(bool) override { other("true or false"); }
  void negative(std::int64_t) override { other("a number"); }
  void natural(std::uint64_t) override { other("a number"); }
  void real(double) override { other("a number"); }
  void string(std::string& file) override {
    if (!in_map_) return other("a string");
    if (!is_plain_name(file) || !file.ends_with(".safetensors"))
      throw JsonError(
          fmt::format("tensor {}: its file must be a plain name that ends in "
                      ".safetensors, but is {}",
                      in_quotes(key_), in_quotes(file)));
    files_.emplace(key_, std::move(file));
  }

 private:
  void other(std::string_view what) const {
    if (in_map_)
      throw JsonError(
          fmt::format("tensor {}: its file must be a string, but is {}", in_quotes(key_), what));
    if (depth_ == 1 && key_ == map_key)
      throw JsonError(fmt::format("{} must be an object, but is {}", in_quotes(map_key), what));
    if (depth_ == 0 && what != "an object")
      throw JsonError(fmt::format("it must be a JSON object, but is {}", what));
  }

  std::map<std::string, std::string> files_;
  std::string key_;
  int depth_ = 0;
  bool in_map_ = false;
  bool seen_ = false;
};

[[noreturn]] void reject_without_weights(const fs::path& folder) {
  std::error_code ignored;
  const bool pickle = fs::exists(folder / "pytorch_model.bin", ignored);
  throw Error(fmt::format("{}: it must have {} or {}, but has neither{}",
                          in_quotes(folder.string()), single_file, index_file,
                          pickle ? "; pytorch_model.bin is a pickle, which can run code: save the "
                                   "weights as safetensors"
                                 : ""));
}

}  // namespace

std::map<std::string, std::string> parse_shard_index(std::string_view json,
                                                     const std::string& origin) {
  try {
    if (json.size() > max_index_bytes)
      throw JsonError(
          fmt::format("it may take {} bytes, but has {}", max_index_bytes, json.size()));
    IndexReader reader;
    parse_json(json, reader);
    return reader.take();
  } catch (const JsonError& error) {
    throw Error(fmt::format("{}: {}", in_quotes(origin), error.what()));
  }
}

bool SafetensorsSet::is_in(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / single_file, ignored) || fs::exists(folder / index_file, ignored);
}

SafetensorsSet SafetensorsSet::open(const fs::path& folder) {
  std::error_code ignored;
  SafetensorsSet set;
  const fs::path index = folder / index_file;
  if (!fs::exists(folder / single_file, ignored)) {
    if (!fs::exists(index, ignored)) reject_without_weights(folder);
    set.open_shards(index);
    return set;
  }
  set.origin_ = (folder / single_file).string();
  set.files_.push_back(SafetensorsFile::open(set.origin_));
  set.add(set.files_.back());
  return set;
}

void SafetensorsSet::add(const SafetensorsFile& file) {
  const auto number = static_cast<std::size_t>(&file - files_.data());
  for (std::size_t i = 0; i < file.tensors().size(); ++i)
    places_.emplace(file.tensors()[i].name, Place{number, i});
}

void SafetensorsSet::open_shards(const fs::path& index) {
  origin_ = index.string();
  const MappedFile text(origin_);
  const auto files = parse_shard_index(
      {reinterpret_cast<const char*>(text.bytes().data()), text.bytes().size()}, origin_);
  std::set<std::string> names;
  for (const auto& [tensor, file] : files) names.insert(file);
  files_.reserve(names.size());
  for (const std::string& name : names) {
    files_.push_back(SafetensorsFile::open((index.parent_path() / name).string()));
    for (const TensorBytes& tensor : files_.back().tensors()) {
      const auto found = files.find(tensor.name);
      if (found == files.end() || found->second != name)
        throw Error(fmt::format(
            "{}: tensor {} must stand in {} with this file, but {}",
            in_quotes(files_.back().origin()), in_quotes(tensor.name), in_quotes(origin_),
            found == files.end() ? std::string("does not")
                                 : fmt::format("there it is in {}", in_quotes(found->second))));
    }
    add(files_.back());
  }
  for (const auto& [tensor, file] : files) {
    if (!places_.contains(tensor))
      throw Error(fmt::format("{}: tensor {} must be in {}, but is not", in_quotes(origin_),
                              in_quotes(tensor), in_quotes(file)));
  }
}

SafetensorsSet::Entry SafetensorsSet::find(std::string_view name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) return {};
  const SafetensorsFile& file = files_[found->second.file];
  return {&file, &file.tensors()[found->second.tensor]};
}

std::vector<SafetensorsSet::Entry> SafetensorsSet::entries() const {
  std::vector<Entry> all;
  all.reserve(places_.size());
  for (const auto& [name, place] : places_)
    all.push_back({&files_[place.file], &files_[place.file].tensors()[place.tensor]});
  return all;
}

}  // namespace gptc::formats
