#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/formats/safetensors.h"

namespace gptc::formats {

/// What a model.safetensors.index.json says: the file of each tensor. Other keys are passed over.
/// File names are plain names: no folder, nothing hidden. Throws Error with origin, tensor and
/// rule.
std::map<std::string, std::string> parse_shard_index(std::string_view json,
                                                     const std::string& origin);

/// The weights of a Hugging Face folder: model.safetensors, or the shards that
/// model.safetensors.index.json names. Every tensor of a shard stands in the index, and the other
/// way round, so no tensor is there twice. Throws Error.
class SafetensorsSet {
 public:
  struct Entry {
    const SafetensorsFile* file = nullptr;
    const TensorBytes* tensor = nullptr;
  };

  /// Whether the folder has one of the two.
  static bool is_in(const std::filesystem::path& folder);
  static SafetensorsSet open(const std::filesystem::path& folder);

  /// Null pointers if there is none of this name.
  [[nodiscard]] Entry find(std::string_view name) const;
  /// By name.
  [[nodiscard]] std::vector<Entry> entries() const;
  /// The file that says which tensors there are: the only one, or the index.
  [[nodiscard]] const std::string& origin() const { return origin_; }

 private:
  void add(const SafetensorsFile& file);
  void open_shards(const std::filesystem::path& index);

  std::string origin_;
  std::vector<SafetensorsFile> files_;
  struct Place {
    std::size_t file;
    std::size_t tensor;
  };
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace gptc::formats
