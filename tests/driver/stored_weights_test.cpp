// Folders that `gptc quantize` writes: what is read from them is what rounding at load would give.
#include "tools/driver/stored_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>

#include "frontend/formats/safetensors.h"
#include "ir/check.h"
#include "tests/driver/tiny_model.h"
#include "tests/formats/temp_folder.h"
#include "tools/driver/checkpoint.h"
#include "tools/driver/decoder.h"
#include "tools/driver/quantise_model.h"

namespace gptc::driver {
namespace {

using formats::DType;
using formats::SafetensorsFile;
using formats::TensorBytes;
using passes::WeightStore;
using testing::content_of;
using testing::message_of;
using testing::TempFolder;
using testing::tiny_model;

namespace fs = std::filesystem;

ModelSource source_of(const std::string& folder) {
  ModelSource source = find_model(models::shipped_models(), folder);
  set_dropout(source.model, source.config, 0);
  return source;
}

CompiledModel loaded(const ModelSource& source, WeightStore store) {
  const CompileOptions options = {
      .threads = 1,
      .dtype = store == WeightStore::bf16 ? ir::DType::bf16 : ir::DType::f32,
      .weights = store};
  CompiledModel model(source.model, source.config, Decoder::requests(source.context()), options);
  load_parameters(source, model);
  return model;
}

/// A run's folder with settings of its own.
void make_run(const std::string& folder, std::int64_t width, bool tied) {
  ModelSource source = tiny_model();
  source.config.set("n_embd", width);
  source.config.set("tie_head", tied);
  CompiledModel model(source.model, source.config, {}, {.threads = 1, .seed = 5});
  model.initialise();
  save_config(source, folder);
  save_checkpoint(folder, model, {});
}

std::vector<float> logits_of(CompiledModel& model, std::int64_t context) {
  Decoder decoder(model, context);
  const std::vector<std::int32_t> text = {1, 4, 1, 5, 9, 2, 6};
  decoder.read(std::vector<Decoder::Text>{text});
  const auto logits = decoder.logits(0);
  return {logits.begin(), logits.end()};
}

void expect_same_weights(CompiledModel& got, CompiledModel& want) {
  ASSERT_EQ(got.parameters(), want.parameters());
  for (const std::string& name : got.parameters()) {
    std::vector<std::string> states = {name};
    const passes::StoredWeight* weight = got.stored(name);
    if (weight != nullptr && passes::has_scales(weight->store))
      states.push_back(passes::scale_name(name));
    for (const std::string& state : states) {
      const runtime::TensorView a = got.states().view(state);
      const runtime::TensorView b = want.states().view(state);
      ASSERT_EQ(a.type, b.type) << state;
      EXPECT_EQ(std::memcmp(a.data, b.data, static_cast<std::size_t>(a.bytes())), 0) << state;
    }
  }
}

/// Gives the sizes that were told.
QuantisedSizes expect_same_model(const std::string& from, WeightStore store) {
  const TempFolder folder;
  const ModelSource original = source_of(from);
  const QuantisedSizes sizes = quantise_model(original, {.store = store}, folder.path());
  const ModelSource made = source_of(folder.path());
  EXPECT_EQ(made.stored, store);
  EXPECT_EQ(made.config, original.config);
  CompiledModel want = loaded(original, store);
  CompiledModel got = loaded(made, store);
  expect_same_weights(got, want);
  EXPECT_EQ(logits_of(got, made.context()), logits_of(want, made.context()));
  return sizes;
}

class StoredWeights : public ::testing::TestWithParam<WeightStore> {};

TEST_P(StoredWeights, GiveTheModelThatRoundingAtLoadGives) {
  for (const bool tied : {true, false}) {
    for (const std::int64_t width : {32, 36}) {  // groups of 32, and rows that stay f32 in int4
      SCOPED_TRACE(fmt::format("width {}, tied {}", width, tied));
      const TempFolder run;
      make_run(run.path(), width, tied);
      const QuantisedSizes sizes = expect_same_model(run.path(), GetParam());
      if (width != 32) continue;
      EXPECT_LT(static_cast<double>(sizes.after), 0.6 * static_cast<double>(sizes.before));
    }
  }
}

TEST_P(StoredWeights, AreMadeOfFoldersOfHuggingFacesForm) {
  for (const char* name : {"with_tokenizer", "untied", "sharded", "f16"}) {
    SCOPED_TRACE(name);
    expect_same_model(std::string(GPTC_SOURCE_DIR "/tests/golden/hub/") + name, GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, StoredWeights,
                         ::testing::Values(WeightStore::bf16, WeightStore::i8, WeightStore::i4),
                         [](const auto& at) { return std::string(store_name(at.param)); });

TEST(StoredForms, Bf16WidensToF32) {
  const TempFolder run;
  const TempFolder folder;
  make_run(run.path(), 32, true);
  quantise_model(source_of(run.path()), {.store = WeightStore::bf16}, folder.path());
  CompiledModel wide = loaded(source_of(folder.path()), WeightStore::f32);
  CompiledModel original = loaded(source_of(run.path()), WeightStore::f32);
  for (const std::string& name : wide.parameters()) {
    const auto got = testing::state_values(wide, name);
    auto want = testing::state_values(original, name);
    if (original.module().find_state(name)->type.shape.rank() > 1) {
      for (float& value : want) value = runtime::bf16_to_f32(runtime::f32_to_bf16(value));
    }
    EXPECT_EQ(got, want) << name;
  }
}

// The smallest numbers have no inverse in f32.
TEST(StoredForms, ValuesNearZeroAreZeros) {
  const TempFolder run;
  make_run(run.path(), 32, true);
  const auto file = SafetensorsFile::open(run.file("model.safetensors"));
  std::vector<TensorBytes> tensors = file.tensors();
  const std::vector<float> tiny(1024, std::numeric_limits<float>::denorm_min());
  for (TensorBytes& tensor : tensors) {
    if (tensor.name == "h.0.attn.c_proj.weight") tensor.bytes = std::as_bytes(std::span(tiny));
  }
  formats::write_safetensors(run.file("model.safetensors"), tensors, file.metadata());
  for (const WeightStore store : {WeightStore::i8, WeightStore::i4}) {
    CompiledModel model = loaded(source_of(run.path()), store);
    const auto numbers = model.states().view("h.0.attn.c_proj.weight").as<std::int8_t>();
    EXPECT_TRUE(std::ranges::all_of(numbers, [](std::int8_t x) { return x == 0; }));
  }
}

TEST(StoredForms, WhatDoesNotFitBf16IsNotWritten) {
  const TempFolder run;
  const TempFolder folder;
  make_run(run.path(), 32, true);
  const auto file = SafetensorsFile::open(run.file("model.safetensors"));
  std::vector<TensorBytes> tensors = file.tensors();
  const std::vector<float> huge(1024, std::numeric_limits<float>::max());
  for (TensorBytes& tensor : tensors) {
    if (tensor.name == "h.0.attn.c_proj.weight") tensor.bytes = std::as_bytes(std::span(huge));
  }
  formats::write_safetensors(run.file("model.safetensors"), tensors, file.metadata());
  const std::string message = message_of<std::runtime_error>(
      [&] { quantise_model(source_of(run.path()), {.store = WeightStore::bf16}, folder.path()); });
  EXPECT_NE(message.find("h.0.attn.c_proj.weight"), std::string::npos) << message;
  EXPECT_FALSE(fs::exists(folder.file("model.safetensors")));
  EXPECT_FALSE(fs::exists(folder.file("config.json")));
}

// -- damaged files --------------------------------------------------------------------------------

using Metadata = std::map<std::string, std::string>;

struct Damage {
  const char* name;
  WeightStore store;
  /// Tensors may point at the bytes given.
  std::function<void(std::vector<TensorBytes>&, Metadata&, std::vector<std::byte>&)> harm;
  std::vector<std::string> expected;  // parts of the message
};

TensorBytes& tensor_named(std::vector<TensorBytes>& tensors, const std::string& name) {
  return *std::ranges::find(tensors, name, &TensorBytes::name);
}

const std::string matrix = "h.0.attn.c_attn.weight";
const std::string scale = matrix + ".scale";

void remove(std::vector<TensorBytes>& tensors, const std::string& name) {
  std::erase_if(tensors, [&](const TensorBytes& tensor) { return tensor.name == name; });
}

/// A copy of a tensor's bytes, with its first element made `bits`.
template <class T>
void with_first(TensorBytes& tensor, T bits, std::vector<std::byte>& bytes) {
  bytes.assign(tensor.bytes.begin(), tensor.bytes.end());
  std::memcpy(bytes.data(), &bits, sizeof(bits));
  tensor.bytes = bytes;
}

std::vector<Damage> damages() {
  using Tensors = std::vector<TensorBytes>;
  using Bytes = std::vector<std::byte>;
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  const auto infinity = std::numeric_limits<float>::infinity();
  return {
      {"ScaleMissing",
       WeightStore::i8,
       [](Tensors& tensors, Metadata&, Bytes&) { remove(tensors, scale); },
       {scale}},
      {"ScalesOfGroupsMissing",
       WeightStore::i4,
       [](Tensors& tensors, Metadata&, Bytes&) { remove(tensors, scale); },
       {scale}},
      {"NumbersMissing",
       WeightStore::i8,
       [](Tensors& tensors, Metadata&, Bytes&) { remove(tensors, matrix); },
       {matrix}},
      {"NumbersOfAnotherType",
       WeightStore::i8,
       [](Tensors& tensors, Metadata&, Bytes&) { tensor_named(tensors, matrix).dtype = DType::U8; },
       {matrix, "must be I8[96,32] for this model in int8, but is U8[96,32]"}},
      {"HalvesOfAnotherType",
       WeightStore::i4,
       [](Tensors& tensors, Metadata&, Bytes&) { tensor_named(tensors, matrix).dtype = DType::I8; },
       {matrix, "must be U8[96,16]"}},
      {"NumbersNotTurned",
       WeightStore::i8,
       [](Tensors& tensors, Metadata&, Bytes&) {
         tensor_named(tensors, matrix).shape = {32, 96};
       },
       {matrix, "is I8[32,96]"}},
      {"ScaleOfAnotherShape",
       WeightStore::i8,
       [](Tensors& tensors, Metadata&, Bytes&) {
         tensor_named(tensors, scale).shape = {48, 2};
       },
       {scale, "F32[96]", "F32[48,2]"}},
      {"ScaleOfAnotherType",
       WeightStore::i8,
       [](Tensors& tensors, Metadata&, Bytes&) {
         TensorBytes& tensor = tensor_named(tensors, scale);
         tensor.dtype = DType::F16;
         tensor.bytes = tensor.bytes.first(tensor.bytes.size() / 2);
       },
       {scale, "must be F32[96]", "is F16[96]"}},
      {"ScaleIsNoNumber",
       WeightStore::i8,
       [=](Tensors& tensors, Metadata&, Bytes& bytes) {
         with_first(tensor_named(tensors, scale), nan, bytes);
       },
       {scale, "finite", "element 0"}},
      {"ScaleIsInfinite",
       WeightStore::i4,
       [=](Tensors& tensors, Metadata&, Bytes& bytes) {
         with_first(tensor_named(tensors, scale), infinity, bytes);
       },
       {scale, "finite"}},
      {"Bf16IsInfinite",
       WeightStore::bf16,
       [](Tensors& tensors, Metadata&, Bytes& bytes) {
         with_first(tensor_named(tensors, matrix), std::uint16_t{0x7F80}, bytes);
       },
       {matrix, "finite"}},
      {"ATensorTooMany",
       WeightStore::i8,
       [](Tensors& tensors, Metadata&, Bytes&) {
         tensors.push_back(tensor_named(tensors, scale));
         tensors.back().name = "stranger";
       },
       {"stranger", "must belong to the model"}},
      {"MetadataMissing",
       WeightStore::i8,
       [](Tensors&, Metadata& metadata, Bytes&) { metadata.clear(); },
       {"gptc.", "metadata", "gptc quantize"}},
      {"MetadataOfAnotherForm",
       WeightStore::i8,
       [](Tensors&, Metadata& metadata, Bytes&) { metadata["gptc.weights"] = "int4"; },
       {"gptc.weights", "int8"}},
      {"LaidOutOtherwise",
       WeightStore::bf16,
       [](Tensors&, Metadata& metadata, Bytes&) { metadata["gptc.channels_as_rows"] = ""; },
       {"gptc.channels_as_rows", "bf16"}},
  };
}

class DamagedStoredWeights : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedStoredWeights, AreRefusedInOneLine) {
  const TempFolder run;
  const TempFolder folder;
  make_run(run.path(), 32, true);
  quantise_model(source_of(run.path()), {.store = GetParam().store}, folder.path());
  const std::string path = folder.file("model.safetensors");
  const auto file = SafetensorsFile::open(path);
  std::vector<TensorBytes> tensors = file.tensors();
  Metadata metadata = file.metadata();
  std::vector<std::byte> bytes;
  GetParam().harm(tensors, metadata, bytes);
  formats::write_safetensors(path, tensors, metadata);
  const std::string message =
      message_of<std::runtime_error>([&] { loaded(source_of(folder.path()), GetParam().store); });
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_NE(message.find(path), std::string::npos) << message;
  for (const std::string& part : GetParam().expected)
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
}

INSTANTIATE_TEST_SUITE_P(Files, DamagedStoredWeights, ::testing::ValuesIn(damages()),
                         [](const auto& at) { return std::string(at.param.name); });

TEST(StoredForms, AConfigurationMustNameOne) {
  const TempFolder folder;
  make_run(folder.path(), 32, true);
  std::string text = content_of(folder.file("config.json"));
  text.insert(text.find('{') + 1, "\"gptc_weights\": \"int3\",");
  static_cast<void>(folder.with("config.json", text));
  const std::string message = message_of<std::runtime_error>([&] { source_of(folder.path()); });
  EXPECT_NE(message.find("gptc_weights must be bf16, int8 or int4, but is \"int3\""),
            std::string::npos)
      << message;
}

// Without the key, weights that lie otherwise must not pass for plain ones.
TEST(StoredForms, AConfigurationThatNamesNoneDoesNotFit) {
  const TempFolder run;
  const TempFolder folder;
  make_run(run.path(), 32, true);
  quantise_model(source_of(run.path()), {.store = WeightStore::bf16}, folder.path());
  fs::copy_file(run.file("config.json"), folder.file("config.json"),
                fs::copy_options::overwrite_existing);
  const std::string message =
      message_of<std::runtime_error>([&] { loaded(source_of(folder.path()), WeightStore::f32); });
  EXPECT_NE(message.find("gptc_weights"), std::string::npos) << message;
}

}  // namespace
}  // namespace gptc::driver
