#include "tools/driver/stored_weights.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "frontend/formats/error.h"
#include "frontend/formats/safetensors_header.h"
#include "ir/check.h"
#include "tools/driver/weights.h"

namespace gptc::driver {
namespace {

using formats::in_quotes;
using formats::SafetensorsFile;
using formats::TensorBytes;
using passes::WeightStore;

constexpr std::string_view form_key = "gptc.weights";
constexpr std::string_view rows_key = "gptc.channels_as_rows";

/// Bytes copied at a time.
constexpr std::size_t chunk = std::size_t{1} << 20;

struct StoreRow {
  WeightStore store;
  std::string_view name;
};
constexpr std::array rows = {StoreRow{WeightStore::f32, "f32"}, StoreRow{WeightStore::bf16, "bf16"},
                             StoreRow{WeightStore::i8, "int8"}, StoreRow{WeightStore::i4, "int4"}};

/// Types that a file of the form may have for a state.
std::vector<formats::DType> file_types(ir::DType state, WeightStore form) {
  using formats::DType;
  if (state == ir::DType::bf16) return {DType::BF16};
  if (state == ir::DType::i8) return {form == WeightStore::i4 ? DType::U8 : DType::I8};
  if (form == WeightStore::bf16) return {DType::F32, DType::BF16};
  return {DType::F32};
}

std::string types_text(const std::vector<formats::DType>& types) {
  std::string text;
  for (const formats::DType type : types)
    text += fmt::format("{}{}", text.empty() ? "" : " or ", formats::name(type));
  return text;
}

void check_tensor(const SafetensorsFile& file, const TensorBytes& tensor, const ir::Type& state,
                  WeightStore form) {
  const std::vector<formats::DType> types = file_types(state.dtype, form);
  const bool fits = std::ranges::find(types, tensor.dtype) != types.end();
  ir::user_check(fits && tensor.shape == state.shape.sizes(),
                 "{}: tensor {} must be {}{} for this model in {}, but is {}{}", file.origin(),
                 in_quotes(tensor.name), types_text(types),
                 formats::shape_text(state.shape.sizes()), store_name(form),
                 formats::name(tensor.dtype), formats::shape_text(tensor.shape));
}

bool is_finite_bf16(std::uint16_t bits) {
  constexpr std::uint16_t exponent = 0x7F80;
  return (bits & exponent) != exponent;
}

/// bf16 as it is.
void read_bf16(const SafetensorsFile& file, const TensorBytes& tensor,
               std::span<std::uint16_t> out) {
  for (std::size_t done = 0; done < out.size(); done += chunk) {
    const std::span part = out.subspan(done, std::min(chunk, out.size() - done));
    const auto bytes = tensor.bytes.subspan(done * sizeof(std::uint16_t), part.size_bytes());
    std::memcpy(part.data(), bytes.data(), bytes.size());
    file.forget(bytes);
    const auto bad = std::ranges::find_if_not(part, is_finite_bf16);
    ir::user_check(
        bad == part.end(),
        "{}: tensor {} must hold finite numbers, but element {} is not; the file is damaged",
        file.origin(), in_quotes(tensor.name), done + static_cast<std::size_t>(bad - part.begin()));
  }
}

void read_bytes(const SafetensorsFile& file, const TensorBytes& tensor, std::byte* out) {
  for (std::size_t done = 0; done < tensor.bytes.size(); done += chunk) {
    const auto bytes = tensor.bytes.subspan(done, std::min(chunk, tensor.bytes.size() - done));
    std::memcpy(out + done, bytes.data(), bytes.size());
    file.forget(bytes);
  }
}

void read_state(const SafetensorsFile& file, const std::string& name, CompiledModel& model,
                WeightStore form) {
  const runtime::TensorView view = model.states().view(name);
  const TensorBytes& tensor = file.at(name);
  check_tensor(file, tensor, view.type, form);
  if (view.type.dtype == ir::DType::f32)
    return WeightReader(file, tensor, view.type.shape).read_all(view.as<float>());
  if (view.type.dtype == ir::DType::bf16) return read_bf16(file, tensor, view.as<std::uint16_t>());
  read_bytes(file, tensor, view.data);
}

/// The file must be of the form, with the same matrices turned.
void check_metadata(const SafetensorsFile& file, WeightStore form, CompiledModel& model) {
  std::vector<passes::StoredWeight> weights;
  for (const std::string& name : model.parameters()) {
    if (const passes::StoredWeight* weight = model.stored(name)) weights.push_back(*weight);
  }
  for (const auto& [key, wanted] : stored_metadata(form, weights)) {
    const auto found = file.metadata().find(key);
    ir::user_check(found != file.metadata().end() && found->second == wanted,
                   "{}: {} in its metadata must say that its weights are {} as this program lays "
                   "them out, but does not; run gptc quantize again",
                   file.origin(), key, store_name(form));
  }
}

}  // namespace

std::string_view store_name(WeightStore store) {
  return std::ranges::find(rows, store, &StoreRow::store)->name;
}

std::optional<WeightStore> find_store(std::string_view name) {
  const auto* found = std::ranges::find(rows, name, &StoreRow::name);
  return found == rows.end() ? std::nullopt : std::optional(found->store);
}

std::map<std::string, std::string> stored_metadata(
    WeightStore store, const std::vector<passes::StoredWeight>& weights) {
  std::string turned;
  for (const passes::StoredWeight& weight : weights) {
    if (weight.transposed) turned += (turned.empty() ? "" : " ") + weight.name;
  }
  return {{std::string(form_key), std::string(store_name(store))}, {std::string(rows_key), turned}};
}

bool is_stored_form(const std::map<std::string, std::string>& metadata) {
  return metadata.contains(std::string(form_key));
}

void require_plain(const ModelSource& source, std::string_view what) {
  ir::user_check(!source.stored,
                 "{}: the weights in {} are stored as {}, for reading only; give the folder they "
                 "were made of",
                 what, source.folder->string(),
                 store_name(source.stored.value_or(WeightStore::f32)));
}

void load_stored(const ModelSource& source, CompiledModel& model) {
  const WeightStore form = source.stored.value();
  const auto file = SafetensorsFile::open((*source.folder / "model.safetensors").string());
  check_metadata(file, form, model);
  std::set<std::string> read;
  for (const std::string& name : model.parameters()) {
    read.insert(name);
    const passes::StoredWeight* weight = model.stored(name);
    if (weight != nullptr && passes::has_scales(weight->store))
      read.insert(passes::scale_name(name));
  }
  for (const std::string& name : read) read_state(file, name, model, form);
  for (const TensorBytes& tensor : file.tensors())
    ir::user_check(read.contains(tensor.name),
                   "{}: every tensor must belong to the model, but {} does not", file.origin(),
                   in_quotes(tensor.name));
}

}  // namespace gptc::driver
