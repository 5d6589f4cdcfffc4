#include "tools/driver/block_encoder.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "frontend/tokenizer/pretokenize.h"

namespace gptc::driver {
namespace {

class BlockEncoder {
 public:
  BlockEncoder(const tokenizer::Tokenizer& tokenizer, TokenSink& sink, const BlockOptions& options)
      : tokenizer_(tokenizer), sink_(sink), options_(options) {
    if (options.encode.special == tokenizer::SpecialTokens::as_text) return;
    for (const std::int32_t id : tokenizer.special_tokens())
      longest_special_ = std::max(longest_special_, tokenizer.token_bytes(id).size());
  }

  void run(data::TextStream& text) {
    while (text.next_document()) {
      sink_.begin_document();
      document(text);
    }
    if (!cut_) sink_.cut();
  }

 private:
  void document(data::TextStream& text) {
    std::string held;
    std::size_t wanted = options_.block;
    for (bool more = true; more;) {
      more = text.read(held, wanted);
      const std::size_t end = more ? last_cut(held) : held.size();
      // Without a cut the next part is as long as all there is, so the work stays linear.
      wanted = more && end == 0 ? held.size() : options_.block;
      hand_over(std::string_view(held).substr(0, end));
      held.erase(0, end);
    }
  }

  /// The last place before which the tokens are the same whatever follows.
  std::size_t last_cut(std::string_view text) const {
    if (text.size() <= longest_special_) return 0;
    const std::string_view known = text.substr(0, text.size() - longest_special_);
    std::size_t cut = tokenizer::last_safe_cut(tokenizer_.pattern(), known);
    if (longest_special_ == 0) return cut;
    for (std::size_t start = spanning(text, cut); start < cut; start = spanning(text, cut))
      cut = start;
    return cut;
  }

  /// Where a special token begins that goes on behind `cut`; `cut` if there is none.
  std::size_t spanning(std::string_view text, std::size_t cut) const {
    std::size_t first = cut;
    for (const std::int32_t id : tokenizer_.special_tokens()) {
      const std::string_view special = tokenizer_.token_bytes(id);
      const std::size_t from = cut - std::min(cut, special.size() - 1);
      first = std::min(first, text.substr(0, cut + special.size() - 1).find(special, from));
    }
    return first;
  }

  void hand_over(std::string_view text) {
    if (!cut_ && options_.cut_at - done_ <= text.size()) {
      const auto near = static_cast<std::size_t>(options_.cut_at - done_);
      const std::size_t place = tokenizer::safe_cut(tokenizer_.pattern(), text, near);
      encode(text.substr(0, place));
      text.remove_prefix(place);
      cut_ = true;
      sink_.cut();
    }
    encode(text);
  }

  void encode(std::string_view text) {
    if (text.empty()) return;
    sink_.tokens(tokenizer_.encode(text, options_.encode), text.size());
    done_ += text.size();
  }

  const tokenizer::Tokenizer& tokenizer_;
  TokenSink& sink_;
  const BlockOptions& options_;
  std::size_t longest_special_ = 0;  // bytes; 0: none is recognised
  std::uint64_t done_ = 0;           // bytes handed over
  bool cut_ = false;
};

}  // namespace

void encode_blocks(const tokenizer::Tokenizer& tokenizer, data::TextStream& text, TokenSink& sink,
                   const BlockOptions& options) {
  BlockEncoder(tokenizer, sink, options).run(text);
}

}  // namespace gptc::driver
