#include "tools/driver/commands/common_flags.h"

#include <fmt/format.h>

#include "backends/onednn/bf16_dot.h"
#include "ir/check.h"
#include "tools/driver/backends.h"
#include "tools/driver/memory.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/train_settings.h"

namespace gptc::driver {

void add_machine_flags(CLI::App& app, CommonFlags& flags) {
  app.add_option("--threads,-t", flags.threads, "threads; 0: all there are")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  app.add_option("--backend", flags.backend, "onednn (fast) or reference (obvious, slow)")
      ->capture_default_str()
      ->check(CLI::IsMember(backend_names()));
  app.add_flag("--quiet,-q", flags.quiet, "only errors on stderr");
}

void add_emulation_flag(CLI::App& app, CommonFlags& flags) {
  app.add_flag("--emulate-bf16", flags.emulate_bf16,
               "allow --dtype bf16 on a processor without bf16 products");
}

void add_grad_dtype_flag(CLI::App& app, CommonFlags& flags) {
  app.add_option("--grad-dtype", flags.grad_dtype, std::string(grad_dtype_help))
      ->capture_default_str()
      ->check(CLI::IsMember({"f32", "bf16"}));
}

void add_precision_flags(CLI::App& app, CommonFlags& flags) {
  app.add_option("--dtype", flags.dtype, std::string(dtype_help))
      ->capture_default_str()
      ->check(CLI::IsMember({"f32", "bf16"}));
  add_grad_dtype_flag(app, flags);
  add_emulation_flag(app, flags);
}

void add_stored_dtype_flag(CLI::App& app, CommonFlags& flags) {
  flags.dtype.clear();
  app.add_option("--dtype", flags.dtype,
                 "how weights are stored and multiplied: f32, bf16, int8 (a scale per channel) or "
                 "int4 (a scale per 32 values); without it, as gptc quantize stored them, else f32")
      ->check(CLI::IsMember({"f32", "bf16", "int8", "int4"}));
}

void add_weight_flags(CLI::App& app, CommonFlags& flags) {
  add_stored_dtype_flag(app, flags);
  app.add_flag("--exact", flags.exact,
               "the same bits whatever way a text is read: prompts are read more slowly");
}

void add_memory_flag(CLI::App& app, CommonFlags& flags) {
  app.add_option("--mem,--memory", flags.memory,
                 "most memory for states and values, such as 2GiB, 512MiB or bytes; parts of the "
                 "forward pass then run again, with the same results");
}

void add_model_flags(CLI::App& app, CommonFlags& flags) {
  app.add_option(
      "--model,-m", flags.model,
      "a model's name (gptc models), or a folder that training or Hugging Face's programs wrote");
  app.add_option("--set", flags.settings, "a setting of the model, as name=value");
  app.add_option("--dropout", flags.dropout, "sets every dropout setting of the model");
}

void add_seed_flag(CLI::App& app, CommonFlags& flags, const std::string& help) {
  app.add_option("--seed,-s", flags.seed, help);
}

ModelSource model_of(const CommonFlags& flags, const std::vector<dsl::Model>& models) {
  ir::user_check(!flags.model.empty(), "--model: it must name a model or a folder, but is missing");
  ModelSource source = find_model(models, flags.model);
  if (flags.dropout) set_dropout(source.model, source.config, *flags.dropout);
  for (const std::string& setting : flags.settings) apply_setting(source.config, setting);
  if (flags.seed) source.seed = *flags.seed;
  return source;
}

ModelSource sized_model_of(const CommonFlags& flags, const std::vector<dsl::Model>& models) {
  constexpr std::int64_t usual = 4096;
  ModelSource source = model_of(flags, models);
  if (source.config.integer("vocab_size") == 0) {
    source.config.set("vocab_size", usual);
    if (!flags.quiet)
      fmt::print(stderr,
                 "gptc: {} takes its vocabulary from a tokenizer; {} tokens are taken here (--set "
                 "vocab_size=N)\n",
                 source.model.name, usual);
  }
  return source;
}

passes::DimSizes graph_sizes(const ModelSource& source, std::int64_t batch, std::int64_t context) {
  ir::user_check(batch >= 1, "--batch: it must be at least 1, but got {}", batch);
  ir::user_check(context >= 0 && context <= source.context(),
                 "--ctx: it must be from 1 to the model's context of {}, but got {}",
                 source.context(), context);
  return {{'B', batch}, {'T', context == 0 ? source.context() : context}};
}

namespace {

ir::DType dtype_named(std::string_view flag, const std::string& name) {
  ir::user_check(name == "f32" || name == "bf16", "{}: it must be f32 or bf16, but got '{}'", flag,
                 name);
  return name == "bf16" ? ir::DType::bf16 : ir::DType::f32;
}

}  // namespace

ir::DType compute_dtype(const CommonFlags& flags) { return dtype_named("--dtype", flags.dtype); }

ir::DType grad_dtype(const CommonFlags& flags) {
  return dtype_named("--grad-dtype", flags.grad_dtype);
}

namespace {

CompileOptions options_of(const CommonFlags& flags, const ModelSource& source, ir::DType dtype) {
  return {.backend = flags.backend,
          .threads = flags.threads,
          .seed = source.seed,
          .dtype = dtype,
          .grad_dtype = grad_dtype(flags),
          .memory_budget = parse_bytes("--mem", flags.memory)};
}

}  // namespace

CompileOptions compile_options(const CommonFlags& flags, const ModelSource& source) {
  const ir::DType dtype = compute_dtype(flags);
  ir::user_check(
      dtype == ir::DType::f32 || onednn::has_bf16_dot() || flags.emulate_bf16,
      "--dtype bf16: the processor must multiply bf16 itself (avx512_bf16), but this one "
      "would emulate it, slower than f32; use --dtype f32, or --emulate-bf16 to insist");
  return options_of(flags, source, dtype);
}

passes::WeightStore weight_store(const CommonFlags& flags, const ModelSource& source) {
  using Store = passes::WeightStore;
  if (flags.dtype.empty()) return source.stored.value_or(Store::f32);
  const std::optional<Store> wanted = find_store(flags.dtype);
  ir::user_check(wanted.has_value(), "--dtype: it must be f32, bf16, int8 or int4, but got '{}'",
                 flags.dtype);
  const bool widens = source.stored == Store::bf16 && *wanted == Store::f32;
  ir::user_check(
      !source.stored || *wanted == *source.stored || widens,
      "--dtype {}: the weights in {} are stored as {}, which gives nothing else exactly; "
      "leave --dtype out, or give the folder they were made of",
      flags.dtype, source.folder ? source.folder->string() : source.model.name,
      store_name(source.stored.value_or(*wanted)));
  return *wanted;
}

CompileOptions inference_options(const CommonFlags& flags, const ModelSource& source) {
  const passes::WeightStore store = weight_store(flags, source);
  const bool narrow = store == passes::WeightStore::bf16;
  CompileOptions options = options_of(flags, source, narrow ? ir::DType::bf16 : ir::DType::f32);
  options.exact = flags.exact;
  options.weights = store;
  return options;
}

}  // namespace gptc::driver
