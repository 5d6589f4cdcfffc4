// Flags that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/driver/compile.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {

struct CommonFlags {
  std::string model;
  std::vector<std::string> settings;
  std::optional<double> dropout;
  std::optional<std::uint64_t> seed;
  std::string backend = "onednn";
  int threads = 0;
  std::string dtype = "f32";
  std::string grad_dtype = "f32";
  bool emulate_bf16 = false;
  bool exact = false;
  std::string memory;  // "": no limit
  bool quiet = false;
};

/// --emulate-bf16.
void add_emulation_flag(CLI::App& app, CommonFlags& flags);
/// --grad-dtype.
void add_grad_dtype_flag(CLI::App& app, CommonFlags& flags);
/// --dtype of weights that are only read; none by default.
void add_stored_dtype_flag(CLI::App& app, CommonFlags& flags);
/// --dtype, --grad-dtype, --emulate-bf16.
void add_precision_flags(CLI::App& app, CommonFlags& flags);
/// --dtype of weights that are only read, --exact.
void add_weight_flags(CLI::App& app, CommonFlags& flags);
/// --threads, --backend, --quiet.
void add_machine_flags(CLI::App& app, CommonFlags& flags);
/// --mem.
void add_memory_flag(CLI::App& app, CommonFlags& flags);
/// --model, --set, --dropout.
void add_model_flags(CLI::App& app, CommonFlags& flags);
/// A seed, `help` saying of what.
void add_seed_flag(CLI::App& app, CommonFlags& flags, const std::string& help);

/// The model that --model names, with --set, --dropout and --seed applied.
ModelSource model_of(const CommonFlags& flags, const std::vector<dsl::Model>& models);
/// As model_of; a vocabulary that would come from a tokenizer gets a usual size, said on stderr:
/// for looking at graphs and measuring.
ModelSource sized_model_of(const CommonFlags& flags, const std::vector<dsl::Model>& models);

/// B and T of a graph; `context` 0 is the model's. UserError for what is out of range.
passes::DimSizes graph_sizes(const ModelSource& source, std::int64_t batch, std::int64_t context);

/// What products compute in, by --dtype.
ir::DType compute_dtype(const CommonFlags& flags);
/// What gradients are kept in, by --grad-dtype.
ir::DType grad_dtype(const CommonFlags& flags);
/// How a model that only reads stores its weights: by --dtype, else as the folder has them, else as
/// f32. UserError where the folder's cannot be had so exactly.
passes::WeightStore weight_store(const CommonFlags& flags, const ModelSource& source);
/// What compile_options would, for models that read: weight_store says how weights are stored. bf16
/// goes on any processor: weights of half the bytes are what counts.
CompileOptions inference_options(const CommonFlags& flags, const ModelSource& source);
/// UserError where the processor would emulate bf16, which is slower than f32, and was not told to.
CompileOptions compile_options(const CommonFlags& flags, const ModelSource& source);

}  // namespace gptc::driver
