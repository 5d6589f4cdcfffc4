#include "tools/driver/export_model.h"

#include <array>
#include <utility>

#include "frontend/formats/gguf.h"
#include "frontend/tokenizer/vocabulary_files.h"
#include "ir/check.h"
#include "tools/driver/export_streams.h"
#include "tools/driver/folder.h"
#include "tools/driver/hub_config.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

using formats::Encoding;
using formats::TensorStream;
using tokenizer::Tokenizer;

const dsl::Exchange& form_of(const ModelSource& source) {
  ir::user_check(source.model.exchange != nullptr,
                 "model {}: other programs must know its kind to be given it, but they do not",
                 source.model.name);
  return *source.model.exchange;
}

void check_tokenizer(const ModelSource& source, const Tokenizer& tokenizer) {
  const std::int64_t tokens = source.config.integer("vocab_size");
  ir::user_check(tokenizer.vocab_size() <= tokens,
                 "model {}: its vocabulary has {} tokens, but the tokenizer has {}",
                 source.folder->string(), tokens, tokenizer.vocab_size());
}

std::vector<TensorStream> streams_of(const ModelSource& source,
                                     const std::vector<dsl::FileTensor>& tensors,
                                     Encoding encoding) {
  const ir::Module module = dsl::declare(source.model, source.config, source.seed);
  return export_streams(tensors, module, std::make_shared<const Weights>(source, module),
                        {.encoding = encoding});
}

/// Names that transformers and torch give the numbers' types.
std::string torch_name(Encoding encoding) {
  ir::user_check(formats::block_elements(encoding) == 1,
                 "--dtype: it must be f32, f16 or bf16 for hf, but is {}", formats::name(encoding));
  constexpr std::array names = {"float32", "float16", "bfloat16"};
  return names[static_cast<std::size_t>(encoding)];
}

void set_special_tokens(formats::Document& file, const std::optional<Tokenizer>& tokenizer) {
  const auto end = tokenizer ? tokenizer->end_of_text() : std::nullopt;
  for (const char* key : {"bos_token_id", "eos_token_id"}) {
    if (end)
      file.set_int(key, *end);
    else
      file.set_null(key);
  }
}

/// general.file_type, llama.cpp's number of the type that most tensors have.
std::uint32_t file_type(Encoding encoding) {
  constexpr std::array<std::uint32_t, 5> numbers = {0, 1, 32, 7, 2};
  return numbers[static_cast<std::size_t>(encoding)];
}

formats::GgufValue gguf_value(const dsl::Setting& setting) {
  if (const auto* flag = std::get_if<bool>(&setting)) return *flag;
  if (const auto* real = std::get_if<double>(&setting)) return static_cast<float>(*real);
  if (const auto* text = std::get_if<std::string>(&setting)) return *text;
  const std::int64_t whole = std::get<std::int64_t>(setting);
  ir::user_check(std::in_range<std::uint32_t>(whole),
                 "model: a setting must fit 32 bits to be exported to GGUF, but is {}", whole);
  return static_cast<std::uint32_t>(whole);
}

/// llama_token_type: how llama.cpp treats a token.
enum class TokenType : std::int32_t { normal = 1, control = 3, unused = 5 };

void add_tokens(formats::GgufKeys& keys, const Tokenizer& tokenizer, std::int64_t size) {
  const tokenizer::Vocabulary& vocabulary = tokenizer.vocabulary();
  std::vector<std::string> tokens;
  std::vector<TokenType> types;
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
    const bool used = !vocabulary.bytes(id).empty();
    tokens.push_back(used ? vocabulary.text(id) : fmt::format("[UNUSED{}]", id));
    types.push_back(used ? TokenType::normal : TokenType::unused);
  }
  for (const std::int32_t id : vocabulary.specials())
    types[static_cast<std::size_t>(id)] = TokenType::control;
  for (std::int64_t id = vocabulary.size(); id < size; ++id) {
    tokens.push_back(fmt::format("[UNUSED{}]", id));
    types.push_back(TokenType::unused);
  }
  std::vector<std::int32_t> numbers;
  for (const TokenType type : types) numbers.push_back(static_cast<std::int32_t>(type));
  std::vector<std::string> merges;
  for (std::int32_t rank = 0; rank < tokenizer.merge_count(); ++rank)
    merges.push_back(tokenizer.merge_text(rank));
  keys.emplace_back("tokenizer.ggml.tokens", std::move(tokens));
  keys.emplace_back("tokenizer.ggml.token_type", std::move(numbers));
  keys.emplace_back("tokenizer.ggml.merges", std::move(merges));
}

void add_tokenizer(formats::GgufKeys& keys, const Tokenizer& tokenizer, std::int64_t size) {
  ir::user_check(tokenizer.pattern() == tokenizer::Pattern::gpt2,
                 "the tokenizer must cut text by the pattern gpt2 for GGUF, but its pattern is {}",
                 tokenizer::pattern_name(tokenizer.pattern()));
  keys.emplace_back("tokenizer.ggml.model", std::string("gpt2"));
  keys.emplace_back("tokenizer.ggml.pre", std::string("gpt-2"));
  add_tokens(keys, tokenizer, size);
  if (const auto end = tokenizer.end_of_text()) {
    for (const char* key : {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"})
      keys.emplace_back(key, static_cast<std::uint32_t>(*end));
  }
  keys.emplace_back("tokenizer.ggml.add_bos_token", false);
}

formats::GgufKeys gguf_keys(const ModelSource& source, const ExportOptions& options) {
  const dsl::GgufForm& form = form_of(source).gguf;
  formats::GgufKeys keys;
  keys.emplace_back("general.architecture", form.architecture);
  keys.emplace_back("general.name", source.model.name);
  keys.emplace_back("general.file_type", file_type(options.encoding));
  if (options.encoding == Encoding::Q8_0)
    keys.emplace_back("general.quantization_version", std::uint32_t{2});
  for (const auto& [name, value] : form.keys(source.config))
    keys.emplace_back(name, gguf_value(value));
  add_tokenizer(keys, *options.tokenizer, source.config.integer("vocab_size"));
  return keys;
}

/// Says which tensors are wider than asked for.
void note_wider(const std::vector<TensorStream>& tensors, const ExportOptions& options) {
  std::size_t wider = 0;
  for (const TensorStream& tensor : tensors)
    if (tensor.encoding != options.encoding && tensor.encoding != Encoding::F32) ++wider;
  if (wider > 0 && options.note)
    options.note(fmt::format(
        "{} tensors stay f16: {} takes blocks of {} elements, and their rows "
        "are no multiple of that",
        wider, formats::name(options.encoding), formats::block_elements(options.encoding)));
}

}  // namespace

void export_hub(const ModelSource& source, const ExportOptions& options,
                const std::filesystem::path& folder) {
  const dsl::HubForm& form = form_of(source).hub;
  const std::string type = torch_name(options.encoding);
  if (options.tokenizer) check_tokenizer(source, *options.tokenizer);
  auto streams = streams_of(source, form.tensors(source.config), options.encoding);
  make_folder(folder);
  formats::stream_safetensors((folder / "model.safetensors").string(), std::move(streams),
                              {{"format", "pt"}});
  if (options.tokenizer)
    save_files(vocabulary_files(*options.tokenizer, tokenizer::VocabularyFormat::hf), folder);
  formats::Document generation("generation_config.json");
  generation.set_bool("_from_model_config", true);
  set_special_tokens(generation, options.tokenizer);
  generation.save((folder / "generation_config.json").string());
  formats::Document config = hub_config(form, source.config);
  config.set_string("torch_dtype", type);
  set_special_tokens(config, options.tokenizer);
  config.save((folder / "config.json").string());
}

void export_gguf(const ModelSource& source, const ExportOptions& options,
                 const std::filesystem::path& file) {
  ir::user_check(options.tokenizer.has_value(),
                 "--to gguf: the file must hold a tokenizer, but {} has none; give it by "
                 "--tokenizer",
                 source.folder->string());
  check_tokenizer(source, *options.tokenizer);
  if (!options.tokenizer->end_of_text() && options.note)
    options.note(
        "the tokenizer has no end-of-text token; llama.cpp then takes token 11 for one and stops "
        "at it");
  const formats::GgufKeys keys = gguf_keys(source, options);
  const auto streams =
      streams_of(source, form_of(source).gguf.tensors(source.config), options.encoding);
  note_wider(streams, options);
  formats::write_gguf(file.string(), keys, streams);
  const auto again = formats::GgufFile::open(file.string());
  ir::internal_check(again.keys().size() == keys.size() && again.tensors().size() == streams.size(),
                     "{}: what was written does not read back", file.string());
}

}  // namespace gptc::driver
