// Folders that transformers saved: config, names, types and shards come out right if the logits do.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "frontend/formats/error.h"
#include "frontend/formats/safetensors.h"
#include "ir/check.h"
#include "models/registry.h"
#include "tests/formats/temp_folder.h"
#include "tests/hub/logits.h"
#include "tools/driver/weights.h"

namespace gptc::driver {
namespace {

using formats::DType;
using formats::TensorBytes;
using testing::content_of;
using testing::hub_folders;
using testing::TempFolder;

namespace fs = std::filesystem;

class HubFolder : public ::testing::TestWithParam<const char*> {};

TEST_P(HubFolder, GivesTheLogitsOfTransformers) {
  const std::string folder = hub_folders + GetParam();
  const auto expected = testing::read_expected(folder);
  const ModelSource source = testing::source_of(folder);
  EXPECT_EQ(source.model.name, "gpt2");
  EXPECT_EQ(source.config.integer("vocab_size"), expected.shape[2]);
  testing::expect_logits(testing::logits_of(source, expected), expected, 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Saved, HubFolder,
                         ::testing::Values("tied", "without_prefix", "untied", "f16", "bf16",
                                           "sharded", "old", "with_tokenizer"),
                         [](const auto& param_info) { return std::string(param_info.param); });

TEST(HubConfig, SettingsComeFromTheFile) {
  const ModelSource source = find_model(models::shipped_models(), hub_folders + "untied");
  EXPECT_EQ(source.config.integer("context"), 20);
  EXPECT_EQ(source.config.integer("n_embd"), 8);
  EXPECT_EQ(source.config.integer("n_layer"), 1);
  EXPECT_EQ(source.config.integer("n_inner"), 24);
  EXPECT_EQ(source.config.real("norm_eps"), 1e-2);
  EXPECT_EQ(source.config.real("attn_dropout"), 0.1);
  EXPECT_FALSE(source.config.flag("tie_head"));
  EXPECT_TRUE(source.config.flag("qkv_bias"));
}

/// What reading a folder with this config.json says.
std::string config_error(const std::string& text) {
  const TempFolder folder;
  const std::string path = folder.with("config.json", text);
  try {
    find_model(models::shipped_models(), folder.path());
  } catch (const std::runtime_error& error) {
    std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_NE(message.find(path), std::string::npos) << message;
    return message;
  }
  return "";
}

TEST(HubConfig, AKeyMayHaveItsOtherName) {
  const TempFolder folder;
  static_cast<void>(folder.with("config.json",
                                R"({"model_type": "gpt2", "hidden_size": 24, "n_ctx": 48,
       "num_attention_heads": 4, "num_hidden_layers": 3, "n_inner": null, "unknown": [1, {}]})"));
  const ModelSource source = find_model(models::shipped_models(), folder.path());
  EXPECT_EQ(source.config.integer("n_embd"), 24);
  EXPECT_EQ(source.config.integer("context"), 48);
  EXPECT_EQ(source.config.integer("n_head"), 4);
  EXPECT_EQ(source.config.integer("n_layer"), 3);
  EXPECT_EQ(source.config.integer("n_inner"), 0);
  EXPECT_EQ(source.config.integer("vocab_size"), 50257);
}

struct BadConfig {
  const char* what;
  const char* keys;      // besides model_type
  const char* expected;  // a part of the message
};

class HubConfigRefuses : public ::testing::TestWithParam<BadConfig> {};

TEST_P(HubConfigRefuses, InOneLine) {
  const std::string message =
      config_error(R"({"model_type": "gpt2", )" + std::string(GetParam().keys) + "}");
  EXPECT_NE(message.find(GetParam().expected), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Keys, HubConfigRefuses,
    ::testing::Values(
        BadConfig{"Gelu", R"("activation_function": "gelu")",
                  "activation_function must be gelu_new or gelu_pytorch_tanh"},
        BadConfig{"EscapeInText", R"("activation_function": "\u001b[2J")", R"("\x1b[2J")"},
        BadConfig{"Unscaled", R"("scale_attn_weights": false)",
                  "scale_attn_weights must be true, which is all this program computes"},
        BadConfig{"ScaledByLayer", R"("scale_attn_by_inverse_layer_idx": true)",
                  "scale_attn_by_inverse_layer_idx must be false"},
        BadConfig{"CrossAttention", R"("add_cross_attention": true)", "must be false"},
        BadConfig{"Quantised", R"("quantization_config": {"bits": 4})", "quantization_config"},
        BadConfig{"NegativeWidth", R"("n_embd": -768)",
                  R"("n_embd" must be a whole number from 1 to 1048576, but is -768)"},
        BadConfig{"HugeDepth", R"("n_layer": 1000000000000)", R"("n_layer" must be)"},
        BadConfig{"HugeVocabulary", R"("vocab_size": 18446744073709551615)", R"("vocab_size")"},
        BadConfig{"ZeroContext", R"("n_positions": 0)", R"("n_positions")"},
        BadConfig{"WidthAsText", R"("n_embd": "768")", R"("n_embd" must be a whole number)"},
        BadConfig{"WidthAsReal", R"("n_embd": 768.5)", R"("n_embd")"},
        BadConfig{"EpsilonTooLarge", R"("layer_norm_epsilon": 1e300)", R"("layer_norm_epsilon")"},
        BadConfig{"TiedAsNumber", R"("tie_word_embeddings": 1)", R"("tie_word_embeddings")"},
        BadConfig{"TwoAnswers", R"("n_embd": 32, "hidden_size": 64)",
                  "n_embd and hidden_size must be equal, but are 32 and 64"},
        BadConfig{"KeyTwice", R"("n_embd": 32, "n_embd": 64)", R"("n_embd" occurs twice)"}),
    [](const auto& param_info) { return std::string(param_info.param.what); });

TEST(HubConfig, OtherKindsOfModelsAreNamed) {
  EXPECT_NE(config_error(R"({"model_type": "llama"})").find("(gpt2)"), std::string::npos);
  EXPECT_NE(config_error(R"({"model_type": 3})").find("model_type"), std::string::npos);
  EXPECT_NE(config_error(R"({"n_embd": 3})").find("gptc_model"), std::string::npos);
  EXPECT_NE(config_error(R"({"a": )" + std::string(1000, '[')).find("nested"), std::string::npos);
}

/// A copy of a saved folder whose weights are changed.
class HubWeights : public ::testing::Test {
 protected:
  void change(const std::function<void(std::vector<TensorBytes>&)>& edit,
              const std::string& from = "tied") {
    for (const auto& entry : fs::directory_iterator(hub_folders + from))
      fs::copy_file(entry.path(), folder_.file(entry.path().filename().string()),
                    fs::copy_options::overwrite_existing);
    const auto file = formats::SafetensorsFile::open(folder_.file("model.safetensors"));
    std::vector<TensorBytes> tensors = file.tensors();
    edit(tensors);
    formats::write_safetensors(folder_.file("model.safetensors"), tensors, {});
  }
  static TensorBytes& tensor(std::vector<TensorBytes>& tensors, const std::string& name) {
    return *std::ranges::find(tensors, name, &TensorBytes::name);
  }
  std::string error() const {
    try {
      const ModelSource source = testing::source_of(folder_.path());
      const ir::Module module = dsl::declare(source.model, source.config, 1);
      const Weights weights(source, module);
      for (const ir::State& state : module.states()) {
        std::vector<float> values(static_cast<std::size_t>(state.type.shape.numel()));
        weights.at(state.name).read_all(values);
      }
    } catch (const std::runtime_error& problem) {
      return problem.what();
    }
    return "";
  }
  void expect_error(const std::vector<std::string>& parts) const {
    const std::string message = error();
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  }
  /// Copies of what `edit` points tensors at.
  std::string store_;
  TempFolder folder_;
};

TEST_F(HubWeights, WithoutAChangeAreRead) {
  change([](auto&) {});
  EXPECT_EQ(error(), "");
}

TEST_F(HubWeights, MissingTensor) {
  change([](auto& tensors) {
    std::erase_if(tensors, [](const TensorBytes& t) { return t.name == "transformer.ln_f.bias"; });
  });
  expect_error({"model.safetensors", R"(tensor "transformer.ln_f.bias" must be there)"});
}

// Known from the header, before anything is made of the model.
TEST_F(HubWeights, MoreLayersThanTheFileHas) {
  change([](auto&) {});
  std::string config = content_of(folder_.file("config.json"));
  config.replace(config.find("\"n_layer\": 2"), 12, "\"n_layer\": 9");
  static_cast<void>(folder_.with("config.json", config));
  const std::string message = testing::message_of<ir::UserError>(
      [&] { find_model(models::shipped_models(), folder_.path()); });
  EXPECT_NE(message.find(R"("transformer.h.2.ln_1.weight" must be there)"), std::string::npos)
      << message;
}

TEST_F(HubWeights, TensorOfNoParameter) {
  change([](auto& tensors) { tensor(tensors, "transformer.ln_f.bias").name = "ln_f.bias"; });
  EXPECT_EQ(error(), "");  // a name without the prefix is as good
  change([&](auto& tensors) {
    tensors.push_back(tensor(tensors, "transformer.wpe.weight"));
    tensors.back().name = "transformer.extra";
  });
  expect_error({R"("transformer.extra" does not)"});
}

TEST_F(HubWeights, TensorUnderBothNames) {
  change([](auto& tensors) {
    tensors.push_back(tensor(tensors, "transformer.wpe.weight"));
    tensors.back().name = "wpe.weight";
  });
  expect_error({R"("wpe.weight" does not)"});
}

TEST_F(HubWeights, WrongShapeOfAsManyBytes) {
  change([](auto& tensors) {
    std::ranges::reverse(tensor(tensors, "transformer.h.0.mlp.c_fc.weight").shape);
  });
  expect_error({"transformer.h.0.mlp.c_fc.weight", "F32[16x64]", "F32[64x16]"});
}

TEST_F(HubWeights, WrongType) {
  change([](auto& tensors) { tensor(tensors, "transformer.wte.weight").dtype = DType::I32; });
  expect_error({"transformer.wte.weight", "I32"});
}

TEST_F(HubWeights, NumbersThatAreNone) {
  change([this](auto& tensors) {
    TensorBytes& bias = tensor(tensors, "transformer.ln_f.bias");
    store_.assign(bias.bytes.size(), '\xff');
    bias.bytes = std::as_bytes(std::span(store_));
  });
  expect_error({"transformer.ln_f.bias", "finite", "element 0"});
}

TEST_F(HubWeights, ATiedHeadThatDiffers) {
  change(
      [this](auto& tensors) {
        TensorBytes& head = tensor(tensors, "lm_head.weight");
        store_.assign(reinterpret_cast<const char*>(head.bytes.data()), head.bytes.size());
        store_[store_.size() - 3] = static_cast<char>(store_[store_.size() - 3] ^ 1);
        head.bytes = std::as_bytes(std::span(store_));
      },
      "old");
  expect_error({R"("lm_head.weight" must equal "wte.weight")", "tie_word_embeddings"});
}

}  // namespace
}  // namespace gptc::driver
