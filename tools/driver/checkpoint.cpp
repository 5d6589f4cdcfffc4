#include "tools/driver/checkpoint.h"

#include <charconv>

#include "frontend/formats/error.h"
#include "frontend/formats/safetensors.h"
#include "ir/check.h"
#include "tools/driver/folder.h"
#include "tools/driver/parallel.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/weight_store.h"
#include "tools/driver/weights.h"

namespace gptc::driver {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view model_file = "model.safetensors";
constexpr std::string_view step_key = "gptc.step";
constexpr std::string_view micro_batches_key = "gptc.micro_batches";

fs::path optimizer_file(std::int64_t step) { return fmt::format("optimizer-{}.safetensors", step); }

bool is_optimizer_file(const std::string& name) {
  return name.starts_with("optimizer-") && name.ends_with(".safetensors");
}

/// Gradient sums and caches are no part of it: they begin as zeros.
bool is_optimizer_state(const ir::State& state) {
  return !state.train && state.name.starts_with("adamw.");
}

bool is_parameter(const ir::State& state) { return state.train; }

using StateTest = bool (*)(const ir::State&);

std::vector<formats::TensorBytes> tensors_of(CompiledModel& model, StateTest wanted) {
  std::vector<formats::TensorBytes> tensors;
  for (const ir::State& state : model.module().states()) {
    if (!wanted(state)) continue;
    const runtime::TensorView view = model.states().view(state.name);
    tensors.push_back({.name = state.name,
                       .dtype = formats::DType::F32,
                       .shape = view.type.shape.sizes(),
                       .bytes = {view.data, static_cast<std::size_t>(view.bytes())}});
  }
  return tensors;
}

void load_tensors(const formats::SafetensorsFile& file, CompiledModel& model, StateTest wanted) {
  std::size_t read = 0;
  for (const ir::State& state : model.module().states()) {
    if (!wanted(state)) continue;
    WeightReader(file, file.at(state.name), state.type.shape)
        .read_all(model.states().view(state.name).as<float>());
    ++read;
  }
  if (read == file.tensors().size()) return;
  for (const formats::TensorBytes& tensor : file.tensors()) {
    const ir::State* state = model.module().find_state(tensor.name);
    ir::user_check(state != nullptr && wanted(*state),
                   "{}: every tensor must belong to the model, but {} does not", file.origin(),
                   formats::in_quotes(tensor.name));
  }
}

/// Whether the file holds the state's bytes as kernels read them, and nothing will write them.
bool may_borrow(CompiledModel& model, const std::string& name, const WeightReader& reader) {
  const passes::StoredWeight* stored = model.stored(name);
  const ir::DType dtype = model.states().view(name).type.dtype;
  const auto place = reinterpret_cast<std::uintptr_t>(reader.bytes().data());
  return model.only_reads_parameters() && reader.owner() != nullptr &&
         (stored == nullptr || !stored->transposed) &&
         reader.dtype() ==
             (dtype == ir::DType::bf16 ? formats::DType::BF16 : formats::DType::F32) &&
         std::ssize(reader.bytes()) == model.states().view(name).bytes() &&
         place % static_cast<std::uintptr_t>(ir::buffer_alignment) == 0;
}

/// Jobs that look at every element.
void add_checks(const WeightReader& reader, std::vector<Job>& jobs) {
  constexpr std::size_t part = std::size_t{1} << 18;
  for (std::size_t begin = 0; begin < reader.size(); begin += part) {
    const std::size_t count = std::min(part, reader.size() - begin);
    jobs.emplace_back([&reader, begin, count] { reader.check(begin, count); });
  }
}

std::uint64_t metadata_number(const formats::SafetensorsFile& file, std::string_view key) {
  const auto found = file.metadata().find(std::string(key));
  ir::user_check(found != file.metadata().end(),
                 "{}: its metadata must have {} to go on from here, but has not", file.origin(),
                 key);
  const std::string& text = found->second;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr std::uint64_t limit = std::uint64_t{1} << 62;
  ir::user_check(error == std::errc{} && end == text.data() + text.size() && value < limit,
                 "{}: {} in its metadata must be a whole number, but is {}", file.origin(), key,
                 formats::in_quotes(text));
  return value;
}

void remove_optimizer_files(const fs::path& folder, const fs::path& except) {
  std::error_code code;
  std::vector<fs::path> old;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (is_optimizer_file(name) && name != except) old.push_back(entry.path());
  }
  for (const fs::path& path : old) fs::remove(path, code);  // one that stays does no harm
}

}  // namespace

bool has_checkpoint(const fs::path& folder) {
  std::error_code code;
  return fs::exists(folder / model_file, code);
}

void save_checkpoint(const fs::path& folder, CompiledModel& model, const TrainPosition& position) {
  make_folder(folder);
  const std::map<std::string, std::string> metadata = {
      {"format", "pt"},
      {std::string(step_key), std::to_string(position.step)},
      {std::string(micro_batches_key), std::to_string(position.micro_batches)}};
  const fs::path optimizer = optimizer_file(position.step);
  formats::write_safetensors((folder / optimizer).string(), tensors_of(model, is_optimizer_state),
                             metadata);
  formats::write_safetensors((folder / model_file).string(), tensors_of(model, is_parameter),
                             metadata);
  remove_optimizer_files(folder, optimizer);
}

TrainPosition load_checkpoint(const fs::path& folder, CompiledModel& model) {
  const auto file = formats::SafetensorsFile::open((folder / model_file).string());
  const TrainPosition position = {
      .step = static_cast<std::int64_t>(metadata_number(file, step_key)),
      .micro_batches = metadata_number(file, micro_batches_key)};
  const auto optimizer =
      formats::SafetensorsFile::open((folder / optimizer_file(position.step)).string());
  ir::user_check(metadata_number(optimizer, step_key) == metadata_number(file, step_key),
                 "{}: it must be of step {} as {} is, but is of step {}", optimizer.origin(),
                 position.step, file.origin(), metadata_number(optimizer, step_key));
  load_tensors(file, model, is_parameter);
  load_tensors(optimizer, model, is_optimizer_state);
  return position;
}

void load_parameters(const ModelSource& source, CompiledModel& model) {
  if (source.stored) return load_stored(source, model);
  const Weights weights(source, model.declared());
  std::vector<Job> checks;
  std::vector<ParameterSource> copied;
  for (const ir::State& state : model.declared().states()) {
    if (!is_parameter(state)) continue;
    const WeightReader& reader = weights.at(state.name);
    if (may_borrow(model, state.name, reader)) {
      model.borrow(state.name, reader.bytes(), reader.owner());
      add_checks(reader, checks);
    } else {
      copied.push_back({state.name, [&reader](std::size_t begin, std::span<float> out) {
                          reader.read(begin, out);
                        }});
    }
  }
  run_jobs(checks, model.threads());
  store_parameters(model, copied);
}

void remove_checkpoint(const fs::path& folder) {
  std::error_code code;
  fs::remove(folder / model_file, code);
  ir::user_check(!code, "cannot remove {}: {}", (folder / model_file).string(), code.message());
  remove_optimizer_files(folder, {});
}

}  // namespace gptc::driver
