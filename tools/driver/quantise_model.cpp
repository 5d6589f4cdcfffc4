#include "tools/driver/quantise_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "frontend/formats/atomic_file.h"
#include "frontend/formats/error.h"
#include "frontend/formats/mapped_file.h"
#include "frontend/formats/number.h"
#include "frontend/formats/safetensors_set.h"
#include "ir/check.h"
#include "tools/driver/folder.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/tokenizer_source.h"
#include "tools/driver/weight_store.h"
#include "tools/driver/weights.h"

namespace gptc::driver {
namespace {

namespace fs = std::filesystem;

using formats::ByteSink;
using formats::MadeTensor;
using passes::StoredWeight;

/// Elements that are read and rounded at a time.
constexpr std::size_t chunk = std::size_t{1} << 20;

constexpr int all_threads = 0;

/// A matrix on its way into its form.
struct Matrix {
  StoredWeight weight;
  const WeightReader* reader;
  std::size_t channels = 0;
  std::size_t inner = 0;          // elements of a channel
  std::size_t channel_bytes = 0;  // of its numbers
  std::size_t channel_scales = 0;
};

enum class Part : std::uint8_t { numbers, scales };

/// The largest floats round to infinity.
void check_bf16(std::span<const std::byte> numbers, const WeightReader& reader) {
  bool fits = true;
  for (std::size_t i = 0; i < numbers.size(); i += sizeof(std::uint16_t)) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, &numbers[i], sizeof(bits));
    fits = fits && std::isfinite(formats::bf16_to_f32(bits));
  }
  ir::user_check(fits, "{}: tensor {} must fit bf16, but holds a number that is too large",
                 reader.origin(), formats::in_quotes(reader.name()));
}

/// The numbers or the scales of `weight`, some channels of the matrix.
void write_some(const StoredWeight& weight, std::size_t channels, const Matrix& matrix,
                const ParameterReader& read, Part part, const ByteSink& sink) {
  std::vector<std::byte> numbers(channels * matrix.channel_bytes);
  std::vector<float> scales(channels * matrix.channel_scales);
  store_weight(weight, read, {.numbers = numbers, .scales = scales}, all_threads);
  if (weight.store == passes::WeightStore::bf16) check_bf16(numbers, *matrix.reader);
  sink(part == Part::numbers ? std::span<const std::byte>(numbers)
                             : std::as_bytes(std::span<const float>(scales)));
}

/// All of one that is turned; else a few channels after another.
void write_part(const Matrix& matrix, Part part, const ByteSink& sink) {
  if (matrix.weight.transposed) {
    const auto read = [&](std::size_t begin, std::span<float> out) {
      matrix.reader->read(begin, out);
    };
    return write_some(matrix.weight, matrix.channels, matrix, read, part, sink);
  }
  const std::size_t together = std::max<std::size_t>(1, chunk / matrix.inner);
  for (std::size_t first = 0; first < matrix.channels; first += together) {
    const std::size_t count = std::min(together, matrix.channels - first);
    StoredWeight some = matrix.weight;
    some.declared.shape = {static_cast<std::int64_t>(count),
                           static_cast<std::int64_t>(matrix.inner)};
    const auto read = [&](std::size_t begin, std::span<float> out) {
      matrix.reader->read(first * matrix.inner + begin, out);
    };
    write_some(some, count, matrix, read, part, sink);
  }
}

void write_floats(const WeightReader& reader, const ByteSink& sink) {
  std::vector<float> values(std::min(chunk, reader.size()));
  for (std::size_t done = 0; done < reader.size(); done += values.size()) {
    const auto part = std::span(values).first(std::min(values.size(), reader.size() - done));
    reader.read(done, part);
    sink(std::as_bytes(part));
  }
}

formats::DType file_type(passes::WeightStore store) {
  switch (store) {
    case passes::WeightStore::f32:
      return formats::DType::F32;
    case passes::WeightStore::bf16:
      return formats::DType::BF16;
    case passes::WeightStore::i8:
      return formats::DType::I8;
    case passes::WeightStore::i4:
      return formats::DType::U8;
  }
  ir::internal_error("weights: there is no form {}", static_cast<int>(store));
}

const ir::Type& type_of(const ir::Module& module, const std::string& state) {
  const ir::State* found = module.find_state(state);
  ir::internal_check(found != nullptr, "weights: there is no state {}", state);
  return found->type;
}

Matrix matrix_of(const ir::Module& stored, const StoredWeight& weight, const WeightReader& reader) {
  const ir::Type& numbers = type_of(stored, weight.name);
  Matrix matrix = {.weight = weight, .reader = &reader};
  matrix.channels = static_cast<std::size_t>(numbers.shape[0].size());
  matrix.inner = reader.size() / matrix.channels;
  matrix.channel_bytes = static_cast<std::size_t>(numbers.bytes()) / matrix.channels;
  if (passes::has_scales(weight.store)) {
    const ir::Type& scales = type_of(stored, passes::scale_name(weight.name));
    matrix.channel_scales = static_cast<std::size_t>(scales.shape.numel()) / matrix.channels;
  }
  return matrix;
}

MadeTensor tensor_of(const Matrix& matrix, const std::string& name, const ir::Type& type,
                     Part part) {
  return {.name = name,
          .dtype = part == Part::scales ? formats::DType::F32 : file_type(matrix.weight.store),
          .shape = type.shape.sizes(),
          .write = [matrix, part](const ByteSink& sink) { write_part(matrix, part, sink); }};
}

/// Tensors whose values `weights` gives as they are written.
std::vector<MadeTensor> tensors_of(const ir::Module& stored,
                                   const std::vector<StoredWeight>& changed,
                                   const Weights& weights) {
  std::vector<MadeTensor> tensors;
  for (const ir::State& state : stored.states()) {
    if (!state.train) continue;
    const WeightReader& reader = weights.at(state.name);
    const auto weight = std::ranges::find(changed, state.name, &StoredWeight::name);
    if (weight == changed.end()) {
      tensors.push_back({.name = state.name,
                         .dtype = formats::DType::F32,
                         .shape = state.type.shape.sizes(),
                         .write = [&reader](const ByteSink& sink) { write_floats(reader, sink); }});
      continue;
    }
    const Matrix matrix = matrix_of(stored, *weight, reader);
    tensors.push_back(tensor_of(matrix, state.name, state.type, Part::numbers));
    if (!passes::has_scales(weight->store)) continue;
    const std::string scale = passes::scale_name(state.name);
    tensors.push_back(tensor_of(matrix, scale, type_of(stored, scale), Part::scales));
  }
  return tensors;
}

void carry_over(const fs::path& from, const fs::path& to) {
  std::error_code ignored;
  if (!fs::exists(from, ignored)) return;
  formats::write_file_atomically(to.string(), formats::MappedFile(from.string()).bytes());
}

std::uint64_t tensor_bytes(const fs::path& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : formats::SafetensorsSet::open(folder).entries())
    bytes += entry.tensor->bytes.size();
  return bytes;
}

}  // namespace

QuantisedSizes quantise_model(const ModelSource& source, const QuantiseOptions& options,
                              const fs::path& folder) {
  require_plain(source, "quantize");
  QuantisedSizes sizes = {.before = tensor_bytes(*source.folder)};
  ir::Module module = dsl::declare(source.model, source.config, source.seed);
  const Weights weights(source, module);
  const std::vector<StoredWeight> changed = passes::store_weights(module, options.store);
  make_folder(folder);
  formats::stream_safetensors((folder / "model.safetensors").string(),
                              tensors_of(module, changed, weights),
                              stored_metadata(options.store, changed));
  if (options.tokenizer) save_tokenizer(*options.tokenizer, folder);
  carry_over(*source.folder / "generation_config.json", folder / "generation_config.json");
  ModelSource made = source;
  made.exchange = nullptr;
  made.stored = options.store;
  save_config(made, folder);
  sizes.after = tensor_bytes(folder);
  return sizes;
}

}  // namespace gptc::driver
