// Weights on their way from files into states: every form, both layouts, sizes that are no multiple
// of anything, any number of threads; bytes that stay the file's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "frontend/formats/safetensors.h"
#include "ir/check.h"
#include "tests/driver/tiny_model.h"
#include "tests/formats/temp_folder.h"
#include "tools/driver/checkpoint.h"
#include "tools/driver/decoder.h"
#include "tools/driver/weight_store.h"

namespace gptc::driver {
namespace {

using passes::StoredWeight;
using passes::WeightStore;
using testing::TempFolder;
using testing::tiny_text;
using Values = std::vector<float>;

ModelSource odd_model() {
  ModelSource source = testing::tiny_model();
  source.config.set("n_embd", std::int64_t{40});
  return source;
}

CompiledModel inference_model(const ModelSource& source, WeightStore store, int threads) {
  const CompileOptions options = {
      .threads = threads,
      .dtype = store == WeightStore::bf16 ? ir::DType::bf16 : ir::DType::f32,
      .weights = store};
  return CompiledModel(source.model, source.config, Decoder::requests(source.context()), options);
}

/// A parameter's values: of both signs and several sizes, and none of them twice.
Values values_of(const ir::State& state) {
  Values values(static_cast<std::size_t>(state.type.shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto x = static_cast<float>(i * 7919 % 1009 + 1) / 1009.F + static_cast<float>(i) * 1e-6F;
    values[i] = (i % 3 == 0 ? -x : x) * (i % 11 == 0 ? 4.F : 0.02F);
  }
  return values;
}

/// What `load_parameters` reads: the parameters of a model under their names.
class Folder {
 public:
  Folder() {
    for (const ir::State& state : module_.states())
      if (state.train) values_.emplace(state.name, values_of(state));
    save();
  }

  void save() const {
    std::vector<formats::TensorBytes> tensors;
    for (const auto& [name, values] : values_)
      tensors.push_back({name, formats::DType::F32, module_.find_state(name)->type.shape.sizes(),
                         std::as_bytes(std::span(values))});
    formats::write_safetensors(file(), tensors, {});
  }
  ModelSource source() const {
    ModelSource source = odd_model();
    source.folder = folder_.path();
    return source;
  }
  std::string file() const { return folder_.file("model.safetensors"); }
  Values& operator[](const std::string& name) { return values_.at(name); }
  const std::map<std::string, Values>& values() const { return values_; }

 private:
  TempFolder folder_;
  ir::Module module_ = dsl::declare(odd_model().model, odd_model().config, 1);
  std::map<std::string, Values> values_;
};

/// Value k of a channel of a parameter as it was declared.
float declared(const StoredWeight& weight, const Values& values, std::int64_t channel,
               std::int64_t k) {
  const std::int64_t columns = weight.declared.shape.numel() / weight.declared.shape[0].size();
  const std::int64_t place = weight.transposed ? k * columns + channel : channel * columns + k;
  return values[static_cast<std::size_t>(place)];
}

/// A group's scale in i4: of five, the first whose numbers have the smallest squared error.
float scale_of(const Values& group) {
  float extreme = 0;
  for (const float value : group) {
    if (std::abs(value) > std::abs(extreme)) extreme = value;
  }
  float best = 0;
  float least = std::numeric_limits<float>::infinity();
  for (const float part : {1.F, 0.95F, 0.9F, 0.85F, 0.8F}) {
    const float scale = part * extreme / -8;
    float error = 0;
    for (const float value : group) {
      const float number = std::clamp(std::nearbyint(value * (1 / scale)), -8.F, 7.F);
      error += (value - number * scale) * (value - number * scale);
    }
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  return best;
}

void expect_i4(CompiledModel& model, const StoredWeight& weight, std::size_t first,
               const Values& channel) {
  constexpr std::size_t group = 32;
  const auto packed = model.states().view(weight.name).as<std::int8_t>();
  const auto scales = model.states().view(passes::scale_name(weight.name)).as<float>();
  for (std::size_t begin = 0; begin < channel.size(); begin += group) {
    const Values values(channel.begin() + static_cast<std::ptrdiff_t>(begin),
                        channel.begin() + static_cast<std::ptrdiff_t>(begin + group));
    const float scale = scales[(first + begin) / group];
    ASSERT_EQ(scale, scale_of(values)) << weight.name << ' ' << first + begin;
    for (std::size_t i = 0; i < group; ++i) {
      const auto byte = static_cast<std::uint8_t>(packed[(first + begin) / 2 + i % (group / 2)]);
      const int bits = i < group / 2 ? byte & 15 : byte >> 4;
      ASSERT_EQ(static_cast<float>(bits < 8 ? bits : bits - 16),
                std::clamp(std::nearbyint(values[i] * (1 / scale)), -8.F, 7.F))
          << weight.name << ' ' << first + begin + i;
    }
  }
}

void expect_i8(CompiledModel& model, const StoredWeight& weight, std::size_t first,
               const Values& channel) {
  const auto numbers = model.states().view(weight.name).as<std::int8_t>();
  float largest = 0;
  for (const float value : channel) largest = std::max(largest, std::abs(value));
  const float scale =
      model.states().view(passes::scale_name(weight.name)).as<float>()[first / channel.size()];
  ASSERT_EQ(scale, largest / 127) << weight.name << ' ' << first;
  for (std::size_t k = 0; k < channel.size(); ++k)
    ASSERT_EQ(static_cast<float>(numbers[first + k]), std::nearbyint(channel[k] * (1 / scale)))
        << weight.name << ' ' << first + k;
}

/// The stored weight, channel by channel, from its definition.
void expect_stored(CompiledModel& model, const StoredWeight& weight, const Values& values) {
  const runtime::TensorView view = model.states().view(weight.name);
  const std::int64_t channels = view.type.shape[0].size();
  Values channel(values.size() / static_cast<std::size_t>(channels));
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::size_t k = 0; k < channel.size(); ++k)
      channel[k] = declared(weight, values, c, static_cast<std::int64_t>(k));
    const std::size_t first = static_cast<std::size_t>(c) * channel.size();
    if (weight.store == WeightStore::i8) expect_i8(model, weight, first, channel);
    if (weight.store == WeightStore::i4) expect_i4(model, weight, first, channel);
    if (weight.store == WeightStore::i8 || weight.store == WeightStore::i4) continue;
    for (std::size_t k = 0; k < channel.size(); ++k) {
      const std::size_t at = first + k;
      if (weight.store == WeightStore::f32) {
        ASSERT_EQ(view.as<float>()[at], channel[k]) << weight.name << ' ' << at;
      } else {
        ASSERT_EQ(view.as<std::uint16_t>()[at], runtime::f32_to_bf16(channel[k]))
            << weight.name << ' ' << at;
      }
    }
  }
}

class LoadWeights : public ::testing::TestWithParam<WeightStore> {};

TEST_P(LoadWeights, StoresWhatTheFileSays) {
  Folder folder;
  std::vector<Values> logits;
  for (const int threads : {1, 3}) {
    CompiledModel model = inference_model(folder.source(), GetParam(), threads);
    load_parameters(folder.source(), model);
    std::size_t stored = 0;
    for (const auto& [name, values] : folder.values()) {
      const StoredWeight* weight = model.stored(name);
      if (weight == nullptr) {
        EXPECT_EQ(testing::state_values(model, name), values) << name;
      } else {
        expect_stored(model, *weight, values);
        ++stored;
      }
    }
    EXPECT_GE(stored, 2U);
    Decoder decoder(model, folder.source().context());
    const std::vector<std::int32_t> text = tiny_text(12);
    decoder.read(std::vector<Decoder::Text>{text});
    logits.emplace_back(decoder.logits(0).begin(), decoder.logits(0).end());
  }
  EXPECT_EQ(logits[0], logits[1]);
}

INSTANTIATE_TEST_SUITE_P(Stores, LoadWeights,
                         ::testing::Values(WeightStore::f32, WeightStore::bf16, WeightStore::i8,
                                           WeightStore::i4));

TEST(MappedWeights, AreThoseThatLieAsKernelsReadThem) {
  Folder folder;
  CompiledModel model = inference_model(folder.source(), WeightStore::f32, 2);
  load_parameters(folder.source(), model);
  const auto file = formats::SafetensorsFile::open(folder.file());
  std::size_t mapped = 0;
  std::size_t misplaced = 0;
  for (const auto& [name, values] : folder.values()) {
    const bool plain = model.stored(name) == nullptr;
    // The file is mapped to a page's beginning.
    const bool aligned =
        reinterpret_cast<std::uintptr_t>(file.at(name).bytes.data()) % ir::buffer_alignment == 0;
    EXPECT_EQ(model.states().is_borrowed(name), plain && aligned) << name;
    if (model.states().is_borrowed(name)) ++mapped;
    if (plain && !aligned) ++misplaced;
  }
  EXPECT_GT(mapped, 0U);
  EXPECT_GT(misplaced, 0U);
}

TEST(MappedWeights, StayWhenTheFileIsReplacedOrRemoved) {
  Folder folder;
  CompiledModel model = inference_model(folder.source(), WeightStore::f32, 2);
  load_parameters(folder.source(), model);
  Decoder decoder(model, folder.source().context());
  const std::vector<std::int32_t> text = tiny_text(12);
  const auto logits = [&] {
    decoder.forget();
    decoder.read(std::vector<Decoder::Text>{text});
    return Values(decoder.logits(0).begin(), decoder.logits(0).end());
  };
  const Values before = logits();
  for (const auto& [name, values] : folder.values()) std::ranges::fill(folder[name], 0.5F);
  folder.save();
  EXPECT_EQ(logits(), before);
  std::filesystem::remove(folder.file());
  EXPECT_EQ(logits(), before);
}

TEST(MappedWeights, AreNotThoseOfTraining) {
  Folder folder;
  const std::vector<std::int32_t> text = tiny_text(800);
  Trainer trainer(odd_model(), text, {}, testing::tiny_options());
  load_parameters(folder.source(), trainer.model());
  for (const auto& [name, values] : folder.values())
    EXPECT_FALSE(trainer.model().states().is_borrowed(name)) << name;
  EXPECT_TRUE(std::isfinite(trainer.step().loss));
}

TEST(MappedWeights, AreNeverWritten) {
  CompiledModel model = inference_model(odd_model(), WeightStore::f32, 1);
  const auto bytes = std::make_shared<runtime::Memory>(model.states().view("wte.weight").bytes());
  model.borrow("wte.weight", {bytes->data(), static_cast<std::size_t>(bytes->bytes())}, bytes);
  EXPECT_THROW(model.initialise(), ir::InternalError);
}

/// The error of a file with two numbers that are none, in several tries with several threads.
void expect_first_named(WeightStore store, const std::string& first, std::size_t element,
                        const std::string& second) {
  Folder folder;
  folder[first][element] = std::numeric_limits<float>::quiet_NaN();
  folder[second].front() = std::numeric_limits<float>::infinity();
  folder.save();
  for (int tries = 0; tries < 4; ++tries) {
    CompiledModel model = inference_model(folder.source(), store, 3);
    const std::string error =
        testing::message_of<ir::UserError>([&] { load_parameters(folder.source(), model); });
    for (const std::string& part :
         {folder.file(), "tensor \"" + first + "\" must hold finite numbers",
          "element " + std::to_string(element) + " is nan"})
      EXPECT_NE(error.find(part), std::string::npos) << part << " in " << error;
  }
}

TEST(DamagedWeights, AreNamed) {
  expect_first_named(WeightStore::f32, "h.0.mlp.c_fc.weight", 4321, "h.1.mlp.c_fc.weight");
  expect_first_named(WeightStore::bf16, "h.0.mlp.c_fc.weight", 4321, "h.1.mlp.c_fc.weight");
  expect_first_named(WeightStore::i8, "h.0.mlp.c_fc.weight", 4321, "h.1.mlp.c_fc.weight");
  expect_first_named(WeightStore::f32, "wte.weight", 60, "wpe.weight");
}

}  // namespace
}  // namespace gptc::driver
