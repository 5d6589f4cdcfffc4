// Where the parameters of a model lie in the files of a folder, and reading them as floats.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "frontend/formats/safetensors_set.h"
#include "ir/module.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {

/// One tensor of a file as floats, a part at a time; for any number of threads.
class WeightReader {
 public:
  /// UserError naming file and tensor unless it is F32, F16 or BF16 of this shape.
  WeightReader(const formats::SafetensorsFile& file, const formats::TensorBytes& tensor,
               const ir::Shape& shape);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::string& name() const { return tensor_->name; }
  [[nodiscard]] const std::string& origin() const { return file_->origin(); }
  [[nodiscard]] formats::DType dtype() const { return tensor_->dtype; }
  /// All elements as the file has them, and what keeps them in memory (null: they will not stay).
  [[nodiscard]] std::span<const std::byte> bytes() const { return tensor_->bytes; }
  [[nodiscard]] std::shared_ptr<const void> owner() const { return file_->owner(); }

  /// UserError naming the first of the elements [begin, begin + count) that is not finite.
  void check(std::size_t begin, std::size_t count) const;
  /// Elements [begin, begin + out.size()), checked. What has been read need not stay in memory.
  void read(std::size_t begin, std::span<float> out) const;
  /// All of them.
  void read_all(std::span<float> out) const;

 private:
  [[nodiscard]] std::span<const std::byte> part(std::size_t begin, std::size_t count) const;

  const formats::SafetensorsFile* file_;
  const formats::TensorBytes* tensor_;
  std::size_t size_;
};

/// Whether a folder of Hugging Face's form has every tensor that its configuration asks for, told
/// by the files' headers: a damaged configuration is then known before a model is made of it. A
/// folder without weights passes. Throws like Weights.
void check_hub_tensors(const dsl::HubForm& form, const dsl::Config& config,
                       const std::filesystem::path& folder);

/// The parameters of a folder: one that training wrote, or one of Hugging Face's form, whose names
/// `source.exchange` maps.
class Weights {
 public:
  /// Opens the files and finds every parameter of `module`; reads no values but those of tensors
  /// that must equal another. Throws formats::Error or UserError naming file, tensor and rule for
  /// what is missing, damaged, of another type or shape, or belongs to no parameter.
  Weights(const ModelSource& source, const ir::Module& module);

  /// InternalError if there is no such parameter.
  [[nodiscard]] const WeightReader& at(std::string_view parameter) const;

 private:
  using Entry = formats::SafetensorsSet::Entry;
  void find_own(const ir::Module& module);
  void find_by_form(const dsl::HubForm& form, const dsl::Config& config, const ir::Module& module);
  void add(const std::string& parameter, const Entry& entry, const ir::Module& module);
  void check_copy(const Entry& copy, const std::string& parameter, const ir::Module& module) const;

  formats::SafetensorsSet files_;
  std::map<std::string, WeightReader, std::less<>> readers_;
  std::set<std::string_view> used_;  // tensors of the files that belong to the model
};

}  // namespace gptc::driver
