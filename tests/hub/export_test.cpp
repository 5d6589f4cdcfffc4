// What export writes: read back by ourselves here; by transformers and llama.cpp in the optional
// tests of this folder.
#include "tools/driver/export_model.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "frontend/formats/error.h"
#include "frontend/formats/gguf.h"
#include "frontend/formats/json_file.h"
#include "frontend/formats/safetensors.h"
#include "frontend/tokenizer/vocabulary_files.h"
#include "ir/check.h"
#include "models/registry.h"
#include "tests/formats/temp_folder.h"
#include "tests/hub/logits.h"
#include "tools/driver/weights.h"

namespace gptc::driver {
namespace {

using formats::Encoding;
using testing::content_of;
using testing::hub_folders;
using testing::message_of;
using testing::TempFolder;

namespace fs = std::filesystem;

tokenizer::Tokenizer fixture_tokenizer() {
  return tokenizer::Tokenizer::load(hub_folders + "with_tokenizer");
}

class HubExport : public ::testing::TestWithParam<const char*> {};

TEST_P(HubExport, ComesBackWithTheSameLogits) {
  const TempFolder folder;
  const auto expected = testing::read_expected(hub_folders + GetParam());
  const ModelSource source = testing::source_of(hub_folders + GetParam());
  export_hub(source, {}, folder.file("out"));
  const ModelSource again = testing::source_of(folder.file("out"));
  EXPECT_EQ(again.config, source.config);
  EXPECT_EQ(testing::logits_of(again, expected), testing::logits_of(source, expected));
}

INSTANTIATE_TEST_SUITE_P(Saved, HubExport,
                         ::testing::Values("tied", "without_prefix", "untied", "bf16", "sharded",
                                           "old"),
                         [](const auto& param_info) { return std::string(param_info.param); });

TEST(HubExport, HasTheNamesThatTransformersWants) {
  const TempFolder folder;
  export_hub(testing::source_of(hub_folders + "old"), {}, folder.path());
  const auto file = formats::SafetensorsFile::open(folder.file("model.safetensors"));
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_NE(file.find("transformer.wte.weight"), nullptr);
  EXPECT_EQ(file.find("lm_head.weight"), nullptr);
  EXPECT_EQ(file.find("transformer.h.0.attn.bias"), nullptr);
  const auto config = formats::Document::open(folder.file("config.json"));
  EXPECT_EQ(config.get_strings("architectures"), std::vector<std::string>{"GPT2LMHeadModel"});
  EXPECT_EQ(config.get_int("n_ctx"), 16);
  EXPECT_EQ(config.get_int("n_positions"), 16);
  EXPECT_EQ(config.get_string("torch_dtype"), "float32");
  EXPECT_FALSE(config.has("n_inner"));
  EXPECT_FALSE(config.has("bos_token_id"));
  export_hub(testing::source_of(hub_folders + "untied"), {}, folder.path());
  EXPECT_NE(formats::SafetensorsFile::open(folder.file("model.safetensors")).find("lm_head.weight"),
            nullptr);
  EXPECT_EQ(formats::Document::open(folder.file("config.json")).get_int("n_inner"), 24);
}

TEST(HubExport, NarrowerNumbersAreTheNearest) {
  const TempFolder folder;
  const ModelSource source = testing::source_of(hub_folders + "tied");
  const auto expected = testing::read_expected(hub_folders + "tied");
  export_hub(source, {.encoding = Encoding::F16}, folder.file("f16"));
  export_hub(source, {.encoding = Encoding::BF16}, folder.file("bf16"));
  // About 2^-11 and 2^-8 of weights whose logits are of order 3.
  testing::expect_logits(testing::logits_of(testing::source_of(folder.file("f16")), expected),
                         expected, 0.02);
  testing::expect_logits(testing::logits_of(testing::source_of(folder.file("bf16")), expected),
                         expected, 0.2);
  const auto f16 = formats::SafetensorsFile::open(folder.file("f16/model.safetensors"));
  EXPECT_EQ(f16.at("transformer.ln_f.bias").dtype, formats::DType::F16);
}

TEST(HubExport, HasTheTokenizer) {
  const TempFolder folder;
  const tokenizer::Tokenizer tokenizer = fixture_tokenizer();
  export_hub(testing::source_of(hub_folders + "with_tokenizer"), {.tokenizer = tokenizer},
             folder.path());
  EXPECT_EQ(tokenizer::fingerprint(tokenizer::Tokenizer::load(folder.path())),
            tokenizer::fingerprint(tokenizer));
  for (const char* name : {"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json",
                           "special_tokens_map.json", "generation_config.json"})
    EXPECT_TRUE(fs::exists(folder.file(name))) << name;
  EXPECT_EQ(formats::Document::open(folder.file("config.json")).get_int("eos_token_id"),
            *tokenizer.end_of_text());
}

/// A run's folder of a model without a bias of q, k and v and with a head of its own.
ModelSource save_run(const std::string& folder, std::int64_t vocabulary = 11) {
  ModelSource source = find_model(models::shipped_models(), "gpt-config-124m");
  const std::map<std::string, std::int64_t> sizes = {
      {"vocab_size", vocabulary}, {"context", 8}, {"n_embd", 8}, {"n_layer", 1}, {"n_head", 2}};
  for (const auto& [name, value] : sizes) source.config.set(name, value);
  const ir::Module module = dsl::declare(source.model, source.config, 1);
  std::vector<formats::TensorStream> tensors;
  float next = -1;
  for (const ir::State& state : module.states()) {
    formats::TensorStream stream{.name = state.name, .shape = state.type.shape.sizes()};
    std::vector<float> values(static_cast<std::size_t>(state.type.shape.numel()));
    for (float& value : values) value = next = next > 1 ? next - 2 : next + 0.013F;
    stream.write = [values](const formats::ByteSink& sink) {
      sink(std::as_bytes(std::span(values)));
    };
    tensors.push_back(std::move(stream));
  }
  formats::stream_safetensors(folder + "/model.safetensors", tensors, {});
  save_config(source, folder);
  return testing::source_of(folder);
}

TEST(HubExport, AMissingBiasIsWrittenAsZeros) {
  const TempFolder run;
  const TempFolder out;
  const ModelSource source = save_run(run.path());
  export_hub(source, {}, out.path());
  const ModelSource again = testing::source_of(out.path());
  EXPECT_TRUE(again.config.flag("qkv_bias"));
  testing::Expected inputs{.shape = {1, 8, 11}, .tokens = {3, 1, 4, 1, 5, 9, 2, 6}, .logits = {}};
  EXPECT_EQ(testing::logits_of(again, inputs), testing::logits_of(source, inputs));
}

TEST(HubExport, WhatCannotBeExportedIsOneClearLine) {
  const TempFolder folder;
  const auto error = [&](const ModelSource& source, const ExportOptions& options) {
    return message_of<ir::UserError>([&] { export_hub(source, options, folder.path()); });
  };
  const auto has = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  const ModelSource tied = testing::source_of(hub_folders + "tied");
  has(error(tied, {.encoding = Encoding::Q8_0}), "f32, f16 or bf16 for hf");
  has(error(tied, {.tokenizer = fixture_tokenizer()}), "has 61 tokens, but the tokenizer has 330");
  ModelSource other = find_model(models::shipped_models(), "char-mlp");
  other.folder = folder.path();
  has(error(other, {}), "model char-mlp: other programs must know its kind");
  EXPECT_TRUE(folder.names().empty());
}

TEST(HubExport, NumbersThatF16CannotHold) {
  const TempFolder run;
  const ModelSource source = save_run(run.path());
  const auto file = formats::SafetensorsFile::open(run.file("model.safetensors"));
  std::vector<formats::TensorBytes> tensors = file.tensors();
  std::vector<float> large(8, 70000.0F);
  for (auto& tensor : tensors)
    if (tensor.name == "ln_f.bias") tensor.bytes = std::as_bytes(std::span(large));
  formats::write_safetensors(run.file("model.safetensors"), tensors, {});
  const std::string message = message_of<ir::UserError>(
      [&] { export_hub(source, {.encoding = Encoding::F16}, run.file("out")); });
  EXPECT_NE(message.find(R"("ln_f.bias" must fit f16)"), std::string::npos) << message;
  EXPECT_NE(message.find("70000"), std::string::npos) << message;
  EXPECT_FALSE(fs::exists(run.file("out/config.json")));
  EXPECT_NO_THROW(export_hub(source, {.encoding = Encoding::BF16}, run.file("out")));
}

class GgufExport : public ::testing::Test {
 protected:
  std::string write(const std::string& from, Encoding encoding) {
    std::string path = folder_.file("m.gguf");
    export_gguf(testing::source_of(hub_folders + from),
                {.encoding = encoding, .tokenizer = fixture_tokenizer(), .note = note_}, path);
    return path;
  }
  TempFolder folder_;
  std::string noted_;
  std::function<void(std::string_view)> note_ = [this](std::string_view line) { noted_ = line; };
};

std::vector<float> floats(std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST_F(GgufExport, MatricesAreTransposedAndKeysSayTheShape) {
  const auto file = formats::GgufFile::open(write("with_tokenizer", Encoding::F32));
  const auto key = [&](const char* name) { return std::get<std::uint32_t>(*file.find_key(name)); };
  EXPECT_EQ(std::get<std::string>(*file.find_key("general.architecture")), "gpt2");
  EXPECT_EQ(std::get<std::string>(*file.find_key("tokenizer.ggml.pre")), "gpt-2");
  EXPECT_EQ(key("gpt2.context_length"), 64U);
  EXPECT_EQ(key("gpt2.embedding_length"), 32U);
  EXPECT_EQ(key("gpt2.block_count"), 1U);
  EXPECT_EQ(key("gpt2.feed_forward_length"), 128U);
  EXPECT_EQ(key("gpt2.attention.head_count"), 2U);
  EXPECT_EQ(key("tokenizer.ggml.eos_token_id"), 0U);
  EXPECT_EQ(std::get<float>(*file.find_key("gpt2.attention.layer_norm_epsilon")), 1e-5F);
  EXPECT_EQ(std::get<std::vector<std::string>>(*file.find_key("tokenizer.ggml.tokens")).size(),
            330U);
  EXPECT_EQ(file.find("output.weight"), nullptr);

  const ModelSource source = testing::source_of(hub_folders + "with_tokenizer");
  const ir::Module module = dsl::declare(source.model, source.config, 1);
  const Weights weights(source, module);
  std::vector<float> ours(32 * 96);
  weights.at("h.0.attn.c_attn.weight").read_all(ours);
  const formats::GgufTensor& theirs = *file.find("blk.0.attn_qkv.weight");
  EXPECT_EQ(theirs.shape, (std::vector<std::int64_t>{96, 32}));
  const std::vector<float> values = floats(theirs.bytes);
  for (std::size_t in = 0; in < 32; ++in)
    for (std::size_t out = 0; out < 96; ++out)
      ASSERT_EQ(values[out * 32 + in], ours[in * 96 + out]) << in << " " << out;
}

TEST_F(GgufExport, VectorsAndPositionsStayF32) {
  const auto file = formats::GgufFile::open(write("with_tokenizer", Encoding::Q8_0));
  EXPECT_EQ(file.find("blk.0.ffn_up.weight")->encoding, Encoding::Q8_0);
  EXPECT_EQ(file.find("token_embd.weight")->encoding, Encoding::Q8_0);
  EXPECT_EQ(file.find("position_embd.weight")->encoding, Encoding::F32);
  EXPECT_EQ(file.find("blk.0.attn_qkv.bias")->encoding, Encoding::F32);
  EXPECT_EQ(file.find("output_norm.weight")->encoding, Encoding::F32);
  EXPECT_EQ(noted_, "");
}

// Made by this program, and checked with llama.cpp: the same 32 greedy tokens.
TEST_F(GgufExport, IsTheFileThatLlamaCppRead) {
  EXPECT_EQ(content_of(write("with_tokenizer", Encoding::Q8_0)),
            content_of(GPTC_SOURCE_DIR "/tests/golden/gguf/with_tokenizer.q8_0.gguf"));
}

TEST_F(GgufExport, RowsThatAreNoBlocksStayF16) {
  const TempFolder run;
  const ModelSource source = save_run(run.path(), 340);
  const std::string path = folder_.file("m.gguf");
  export_gguf(source, {.encoding = Encoding::Q8_0, .tokenizer = fixture_tokenizer(), .note = note_},
              path);
  const auto file = formats::GgufFile::open(path);
  EXPECT_EQ(file.find("token_embd.weight")->encoding, Encoding::F16);
  EXPECT_EQ(file.find("output.weight")->encoding, Encoding::F16);  // a head of its own
  EXPECT_EQ(file.find("blk.0.ffn_down.weight")->encoding, Encoding::Q8_0);
  EXPECT_EQ(floats(file.find("blk.0.attn_qkv.bias")->bytes), std::vector<float>(24));
  EXPECT_NE(noted_.find("5 tensors stay f16"), std::string::npos) << noted_;
  const auto& types =
      std::get<std::vector<std::int32_t>>(*file.find_key("tokenizer.ggml.token_type"));
  ASSERT_EQ(types.size(), 340U);
  EXPECT_EQ(types[0], 3);    // <|endoftext|>
  EXPECT_EQ(types[1], 1);    // a byte
  EXPECT_EQ(types[330], 5);  // there is no such token
}

TEST_F(GgufExport, NeedsATokenizerThatFits) {
  const std::string path = folder_.file("m.gguf");
  const ModelSource source = testing::source_of(hub_folders + "tied");
  std::string message = message_of<ir::UserError>([&] { export_gguf(source, {}, path); });
  EXPECT_NE(message.find("--tokenizer"), std::string::npos) << message;
  message = message_of<ir::UserError>(
      [&] { export_gguf(source, {.tokenizer = fixture_tokenizer()}, path); });
  EXPECT_NE(message.find("has 61 tokens, but the tokenizer has 330"), std::string::npos) << message;
  const auto gpt4 =
      tokenizer::Tokenizer::load(GPTC_SOURCE_DIR "/tests/tokenizer/formats/gpt4.tokenizer.json");
  const TempFolder run;
  const ModelSource wide = save_run(run.path(), 1000);
  message = message_of<ir::UserError>([&] { export_gguf(wide, {.tokenizer = gpt4}, path); });
  EXPECT_NE(message.find("pattern is gpt4"), std::string::npos) << message;
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace gptc::driver
