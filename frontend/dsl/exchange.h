// How a model looks in the files of other programs: keys of their configurations, names and forms
// of their tensors. Tables and functions of the settings; nothing here opens a file.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "frontend/dsl/config.h"

namespace gptc::dsl {

/// A key of a Hugging Face config.json that says something about the model. Keys in no row are
/// passed over.
struct HubKey {
  std::string name;
  /// The model's setting that has the key's value; "": the key must have `value` or one of
  /// `others`, which mean the same.
  std::string setting;
  /// What an absent key or null means. It also says the key's type.
  Setting value;
  std::vector<Setting> others = {};
  /// Further names of the key.
  std::vector<std::string> aliases = {};
  /// Integers are from `min` to `max`.
  std::int64_t min = 0;
  std::int64_t max = 0;
};

/// What stands in a file under a name.
enum class TensorRole : std::uint8_t {
  parameter,  // the parameter's values
  zeros,      // written as zeros of `shape`: what this model does without, but the file does not
  copy,       // never written; where a file has it, it equals the parameter
  ignored     // never written; where a file has it, it is passed over
};

struct FileTensor {
  std::string name;
  TensorRole role = TensorRole::parameter;
  std::string parameter = {};            // ours; of parameter and copy
  std::vector<std::int64_t> shape = {};  // of zeros
  bool transposed = false;               // two axes, stored the other way round
  bool exact = false;                    // f32 in a file of narrower numbers
};

/// A Hugging Face folder: config.json and safetensors.
struct HubForm {
  std::string model_type;    // as config.json says it
  std::string architecture;  // the class that transformers loads
  std::string prefix;        // that names of tensors may lack
  std::vector<HubKey> keys;
  /// Further keys that are written, as JSON: what other programs want to see.
  std::vector<std::pair<std::string, Setting>> (*also)(const Config&) = nullptr;
  std::vector<FileTensor> (*tensors)(const Config&) = nullptr;
};

/// A GGUF file. Integers of `keys` are written as u32, numbers as f32.
struct GgufForm {
  std::string architecture;
  std::vector<std::pair<std::string, Setting>> (*keys)(const Config&) = nullptr;
  std::vector<FileTensor> (*tensors)(const Config&) = nullptr;
};

struct Exchange {
  std::string base;  // the model of the program that a folder's settings are put into
  HubForm hub;
  GgufForm gguf;
};

}  // namespace gptc::dsl
