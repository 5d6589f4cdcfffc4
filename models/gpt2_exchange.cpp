#include "models/gpt2_exchange.h"

#include <array>
#include <string_view>

#include "ir/check.h"

namespace gptc::models {
namespace {

using dsl::Config;
using dsl::FileTensor;
using dsl::Setting;
using dsl::TensorRole;

using Keys = std::vector<std::pair<std::string, Setting>>;

Setting whole(std::int64_t value) { return value; }
Setting text(const char* value) { return std::string(value); }

/// GPT2Config's names and defaults (Hugging Face transformers). The bounds keep what a file may ask
/// for within what can be declared.
std::vector<dsl::HubKey> hub_keys() {
  constexpr std::int64_t most_tokens = (std::int64_t{1} << 31) - 1;
  constexpr std::int64_t most_positions = std::int64_t{1} << 20;
  constexpr std::int64_t widest = std::int64_t{1} << 20;
  constexpr std::int64_t most_heads = std::int64_t{1} << 12;
  constexpr std::int64_t most_layers = 256;
  constexpr std::int64_t usual_vocabulary = 50257;
  constexpr std::int64_t usual_context = 1024;
  constexpr std::int64_t usual_width = 768;
  return {
      {.name = "vocab_size",
       .setting = "vocab_size",
       .value = whole(usual_vocabulary),
       .min = 1,
       .max = most_tokens},
      {.name = "n_positions",
       .setting = "context",
       .value = whole(usual_context),
       .aliases = {"max_position_embeddings", "n_ctx"},
       .min = 1,
       .max = most_positions},
      {.name = "n_embd",
       .setting = "n_embd",
       .value = whole(usual_width),
       .aliases = {"hidden_size"},
       .min = 1,
       .max = widest},
      {.name = "n_layer",
       .setting = "n_layer",
       .value = whole(12),
       .aliases = {"num_hidden_layers"},
       .min = 1,
       .max = most_layers},
      {.name = "n_head",
       .setting = "n_head",
       .value = whole(12),
       .aliases = {"num_attention_heads"},
       .min = 1,
       .max = most_heads},
      {.name = "n_inner", .setting = "n_inner", .value = whole(0), .min = 1, .max = widest},
      {.name = "layer_norm_epsilon", .setting = "norm_eps", .value = 1e-5},
      {.name = "tie_word_embeddings", .setting = "tie_head", .value = true},
      {.name = "embd_pdrop", .setting = "embd_dropout", .value = 0.1},
      {.name = "attn_pdrop", .setting = "attn_dropout", .value = 0.1},
      {.name = "resid_pdrop", .setting = "resid_dropout", .value = 0.1},
      // All of these are the tanh form.
      {.name = "activation_function",
       .setting = "",
       .value = text("gelu_new"),
       .others = {text("gelu_pytorch_tanh"), text("gelu_fast"), text("gelu_python_tanh")}},
      {.name = "scale_attn_weights", .setting = "", .value = true},
      {.name = "scale_attn_by_inverse_layer_idx", .setting = "", .value = false},
      {.name = "add_cross_attention", .setting = "", .value = false},
  };
}

/// llama.cpp's converter asks for n_ctx, which transformers no longer writes.
Keys also_written(const Config& config) {
  return {{"n_ctx", whole(config.integer("context"))},
          {"initializer_range", 0.02},
          {"reorder_and_upcast_attn", false},
          {"use_cache", true}};
}

struct Linear {
  std::string_view hub;
  std::string_view gguf;
};
constexpr std::array linears{Linear{"attn.c_attn", "attn_qkv"},
                             Linear{"attn.c_proj", "attn_output"}, Linear{"mlp.c_fc", "ffn_up"},
                             Linear{"mlp.c_proj", "ffn_down"}};
constexpr std::array norms{Linear{"ln_1", "attn_norm"}, Linear{"ln_2", "ffn_norm"}};

std::string at(std::int64_t layer, std::string_view name, std::string_view part) {
  return "h." + std::to_string(layer) + "." + std::string(name) + "." + std::string(part);
}

/// The bias of q, k and v, which a model without it holds as zeros in other programs' files.
FileTensor bias_of(const Linear& linear, std::int64_t layer, std::string name,
                   const Config& config) {
  if (linear.hub == "attn.c_attn" && !config.flag("qkv_bias"))
    return {.name = std::move(name),
            .role = TensorRole::zeros,
            .shape = {3 * config.integer("n_embd")},
            .exact = true};
  return {.name = std::move(name), .parameter = at(layer, linear.hub, "bias"), .exact = true};
}

std::vector<FileTensor> hub_tensors(const Config& config) {
  const std::string prefix = "transformer.";
  std::vector<FileTensor> tensors;
  const auto same = [&](const std::string& name) {
    tensors.push_back({.name = prefix + name, .parameter = name});
  };
  same("wte.weight");
  same("wpe.weight");
  for (std::int64_t layer = 0; layer < config.integer("n_layer"); ++layer) {
    for (const Linear& norm : norms)
      for (const char* part : {"weight", "bias"}) same(at(layer, norm.hub, part));
    for (const Linear& linear : linears) {
      same(at(layer, linear.hub, "weight"));
      tensors.push_back(bias_of(linear, layer, prefix + at(layer, linear.hub, "bias"), config));
      tensors.back().exact = false;
    }
    // Masks that old files hold.
    for (const char* part : {"bias", "masked_bias"})
      tensors.push_back({.name = prefix + at(layer, "attn", part), .role = TensorRole::ignored});
  }
  same("ln_f.weight");
  same("ln_f.bias");
  if (config.flag("tie_head"))
    tensors.push_back(
        {.name = "lm_head.weight", .role = TensorRole::copy, .parameter = "wte.weight"});
  else
    tensors.push_back({.name = "lm_head.weight", .parameter = "lm_head.weight"});
  return tensors;
}

Keys gguf_keys(const Config& config) {
  return {{"gpt2.context_length", whole(config.integer("context"))},
          {"gpt2.embedding_length", whole(config.integer("n_embd"))},
          {"gpt2.block_count", whole(config.integer("n_layer"))},
          {"gpt2.feed_forward_length", whole(gpt2_hidden_width(config))},
          {"gpt2.attention.head_count", whole(config.integer("n_head"))},
          {"gpt2.attention.layer_norm_epsilon", config.real("norm_eps")}};
}

/// llama.cpp's names; its matrices are [out, in], ours [in, out].
std::vector<FileTensor> gguf_tensors(const Config& config) {
  std::vector<FileTensor> tensors = {
      {.name = "token_embd.weight", .parameter = "wte.weight"},
      {.name = "position_embd.weight", .parameter = "wpe.weight", .exact = true}};
  for (std::int64_t layer = 0; layer < config.integer("n_layer"); ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    const auto name = [&](const Linear& of, const char* part) {
      return block + std::string(of.gguf) + "." + part;
    };
    for (const Linear& norm : norms)
      for (const char* part : {"weight", "bias"})
        tensors.push_back(
            {.name = name(norm, part), .parameter = at(layer, norm.hub, part), .exact = true});
    for (const Linear& linear : linears) {
      tensors.push_back({.name = name(linear, "weight"),
                         .parameter = at(layer, linear.hub, "weight"),
                         .transposed = true});
      tensors.push_back(bias_of(linear, layer, name(linear, "bias"), config));
    }
  }
  for (const char* part : {"weight", "bias"})
    tensors.push_back({.name = std::string("output_norm.") + part,
                       .parameter = std::string("ln_f.") + part,
                       .exact = true});
  if (!config.flag("tie_head"))
    tensors.push_back({.name = "output.weight", .parameter = "lm_head.weight"});
  return tensors;
}

}  // namespace

std::int64_t gpt2_hidden_width(const Config& config) {
  const std::int64_t inner = config.integer("n_inner");
  if (inner != 0) return inner;
  std::int64_t width = 0;
  ir::user_check(!__builtin_mul_overflow(config.integer("n_embd"), 4, &width),
                 "setting n_embd: it must be a number of which four times fits 64 bits, but got {}",
                 config.integer("n_embd"));
  return width;
}

const dsl::Exchange& gpt2_exchange() {
  static const dsl::Exchange exchange = {
      .base = "gpt2",
      .hub = {.model_type = "gpt2",
              .architecture = "GPT2LMHeadModel",
              .prefix = "transformer.",
              .keys = hub_keys(),
              .also = also_written,
              .tensors = hub_tensors},
      .gguf = {.architecture = "gpt2", .keys = gguf_keys, .tensors = gguf_tensors}};
  return exchange;
}

}  // namespace gptc::models
