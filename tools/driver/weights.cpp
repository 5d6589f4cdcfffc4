#include "tools/driver/weights.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "frontend/formats/error.h"
#include "frontend/formats/number.h"
#include "ir/check.h"
#include "tools/driver/stored_weights.h"

namespace gptc::driver {
namespace {

using formats::in_quotes;
using formats::SafetensorsSet;
using formats::TensorBytes;

/// Elements read at a time; bounds what is converted or compared at once.
constexpr std::size_t chunk = std::size_t{1} << 18;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return "[" + text + "]";
}

/// Under its name, or under the one without the prefix.
SafetensorsSet::Entry find_tensor(const SafetensorsSet& files, const std::string& name,
                                  const std::string& prefix) {
  const SafetensorsSet::Entry entry = files.find(name);
  if (entry.tensor != nullptr || !name.starts_with(prefix)) return entry;
  return files.find(std::string_view(name).substr(prefix.size()));
}

/// As find_tensor; UserError if there is none.
SafetensorsSet::Entry need_tensor(const SafetensorsSet& files, const std::string& name,
                                  const std::string& prefix) {
  const SafetensorsSet::Entry entry = find_tensor(files, name, prefix);
  ir::user_check(entry.tensor != nullptr, "{}: tensor {} must be there, but is not", files.origin(),
                 in_quotes(name));
  return entry;
}

}  // namespace

void check_hub_tensors(const dsl::HubForm& form, const dsl::Config& config,
                       const std::filesystem::path& folder) {
  if (!SafetensorsSet::is_in(folder)) return;
  const auto files = SafetensorsSet::open(folder);
  for (const dsl::FileTensor& tensor : form.tensors(config))
    if (tensor.role == dsl::TensorRole::parameter) need_tensor(files, tensor.name, form.prefix);
}

WeightReader::WeightReader(const formats::SafetensorsFile& file, const TensorBytes& tensor,
                           const ir::Shape& shape)
    : file_(&file), tensor_(&tensor), size_(static_cast<std::size_t>(shape.numel())) {
  ir::user_check(formats::is_readable_float(tensor.dtype) && tensor.shape == shape.sizes(),
                 "{}: tensor {} must be F32{} for this model (or F16, BF16), but is {}{}",
                 file.origin(), in_quotes(tensor.name), shape_text(shape.sizes()),
                 formats::name(tensor.dtype), shape_text(tensor.shape));
}

std::span<const std::byte> WeightReader::part(std::size_t begin, std::size_t count) const {
  const std::size_t width = static_cast<std::size_t>(formats::bits(tensor_->dtype)) / 8;
  return tensor_->bytes.subspan(begin * width, count * width);
}

void WeightReader::check(std::size_t begin, std::size_t count) const {
  if (formats::all_finite(dtype(), part(begin, count))) return;
  for (std::size_t i = begin; i < begin + count; ++i) {
    float value = 0;
    formats::read_floats(dtype(), part(i, 1), {&value, 1});
    ir::user_check(
        std::isfinite(value),
        "{}: tensor {} must hold finite numbers, but element {} is {}; the file is damaged",
        origin(), in_quotes(name()), i, value);
  }
}

void WeightReader::read(std::size_t begin, std::span<float> out) const {
  for (std::size_t done = 0; done < out.size(); done += chunk) {
    const std::span<float> values = out.subspan(done, std::min(chunk, out.size() - done));
    check(begin + done, values.size());
    const auto bytes = part(begin + done, values.size());
    formats::read_floats(dtype(), bytes, values);
    file_->forget(bytes);
  }
}

void WeightReader::read_all(std::span<float> out) const { read(0, out.first(size_)); }

Weights::Weights(const ModelSource& source, const ir::Module& module)
    : files_(formats::SafetensorsSet::open(*source.folder)) {
  for (const Entry& entry : files_.entries())
    ir::user_check(!is_stored_form(entry.file->metadata()),
                   "{}: its weights are quantised, so config.json must say gptc_weights, but it "
                   "does not; run gptc quantize again",
                   entry.file->origin());
  if (source.exchange == nullptr)
    find_own(module);
  else
    find_by_form(source.exchange->hub, source.config, module);
  for (const auto& entry : files_.entries())
    ir::user_check(used_.contains(entry.tensor->name),
                   "{}: every tensor must belong to the model, but {} does not",
                   entry.file->origin(), in_quotes(entry.tensor->name));
}

void Weights::find_own(const ir::Module& module) {
  for (const ir::State& state : module.states()) {
    if (!state.train) continue;
    add(state.name, need_tensor(files_, state.name, ""), module);
  }
}

void Weights::find_by_form(const dsl::HubForm& form, const dsl::Config& config,
                           const ir::Module& module) {
  const std::vector<dsl::FileTensor> tensors = form.tensors(config);
  for (const dsl::FileTensor& tensor : tensors) {
    if (tensor.role == dsl::TensorRole::parameter)
      add(tensor.parameter, need_tensor(files_, tensor.name, form.prefix), module);
    const Entry entry = find_tensor(files_, tensor.name, form.prefix);
    if (tensor.role == dsl::TensorRole::ignored && entry.tensor != nullptr)
      used_.insert(entry.tensor->name);
  }
  for (const dsl::FileTensor& tensor : tensors) {
    const Entry entry = find_tensor(files_, tensor.name, form.prefix);
    if (tensor.role != dsl::TensorRole::copy || entry.tensor == nullptr) continue;
    check_copy(entry, tensor.parameter, module);
    used_.insert(entry.tensor->name);
  }
  for (const ir::State& state : module.states())
    ir::internal_check(!state.train || readers_.contains(state.name),
                       "the form of {} has no tensor for parameter {}", form.model_type,
                       state.name);
}

void Weights::add(const std::string& parameter, const Entry& entry, const ir::Module& module) {
  const ir::State* state = module.find_state(parameter);
  ir::internal_check(state != nullptr, "a file's tensor maps to {}, which is no parameter",
                     parameter);
  readers_.emplace(parameter, WeightReader(*entry.file, *entry.tensor, state->type.shape));
  used_.insert(entry.tensor->name);
}

void Weights::check_copy(const Entry& copy, const std::string& parameter,
                         const ir::Module& module) const {
  const WeightReader& original = at(parameter);
  const WeightReader other(*copy.file, *copy.tensor, module.find_state(parameter)->type.shape);
  std::vector<float> a(std::min(chunk, original.size()));
  std::vector<float> b(a.size());
  for (std::size_t done = 0; done < original.size(); done += a.size()) {
    const std::size_t count = std::min(a.size(), original.size() - done);
    original.read(done, std::span(a).first(count));
    other.read(done, std::span(b).first(count));
    ir::user_check(std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(count), b.begin()),
                   "{}: tensor {} must equal {}, as the two are tied, but does not; where they are "
                   "two, config.json must say tie_word_embeddings false",
                   other.origin(), in_quotes(other.name()), in_quotes(original.name()));
  }
}

const WeightReader& Weights::at(std::string_view parameter) const {
  const auto found = readers_.find(parameter);
  ir::internal_check(found != readers_.end(), "parameter {} was not looked for", parameter);
  return found->second;
}

}  // namespace gptc::driver
