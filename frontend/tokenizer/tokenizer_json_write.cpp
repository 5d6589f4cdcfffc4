#include "frontend/tokenizer/json_reader.h"
#include "frontend/tokenizer/pattern.h"
#include "frontend/tokenizer/tokenizer_json.h"
#include "frontend/tokenizer/vocab_json.h"

namespace gptc::tokenizer {
namespace {

std::string byte_level(bool use_regex) {
  return std::string(R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, )") +
         "\"use_regex\": " + (use_regex ? "true}" : "false}");
}

std::string pre_tokenizer(Pattern pattern) {
  if (pattern == Pattern::gpt2) return byte_level(true);
  if (pattern == Pattern::none) return byte_level(false);
  return R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": )" +
         json_string(pattern_regex(pattern)) + R"(}, "behavior": "Isolated", "invert": false}, )" +
         byte_level(false) + "]}";
}

std::string added_tokens(const Vocabulary& vocabulary) {
  std::string out;
  for (const std::int32_t id : vocabulary.specials()) {
    out += out.empty() ? "\n" : ",\n";
    out += "    {\"id\": " + std::to_string(id) +
           ", \"content\": " + json_string(vocabulary.bytes(id)) +
           R"(, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, )"
           R"("special": true})";
  }
  return '[' + out + (out.empty() ? "]" : "\n  ]");
}

std::string merges(const Vocabulary& vocabulary) {
  std::string out;
  for (std::size_t rank = 0; rank < vocabulary.merges().size(); ++rank) {
    out += rank == 0 ? "\n" : ",\n";
    out += "      " + json_string(merge_line(vocabulary, rank));
  }
  return '[' + out + (out.empty() ? "]" : "\n    ]");
}

}  // namespace

std::string tokenizer_json(const Vocabulary& vocabulary) {
  std::string vocab = vocab_json(vocabulary);
  vocab.pop_back();  // the line end
  return "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
         "  \"added_tokens\": " +
         added_tokens(vocabulary) +
         ",\n  \"normalizer\": null,\n  \"pre_tokenizer\": " + pre_tokenizer(vocabulary.pattern()) +
         ",\n  \"post_processor\": " + byte_level(true) + ",\n  \"decoder\": " + byte_level(true) +
         ",\n  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n"
         "    \"unk_token\": null,\n    \"continuing_subword_prefix\": null,\n"
         "    \"end_of_word_suffix\": null,\n    \"fuse_unk\": false,\n"
         "    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n    \"vocab\": " +
         vocab + ",\n    \"merges\": " + merges(vocabulary) + "\n  }\n}\n";
}

}  // namespace gptc::tokenizer
