#include "frontend/dsl/model.h"

#include "frontend/dsl/context.h"
#include "ir/check.h"
#include "ir/verify.h"

namespace gptc::dsl {
namespace {

std::string identifier(const std::string& name) {
  std::string result;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    result += plain ? c : '_';
  }
  return result;
}

}  // namespace

ir::Module declare(const Model& model, const Config& config, std::uint64_t seed) {
  ir::internal_check(model.forward != nullptr, "model {} has no forward function", model.name);
  const std::int64_t vocabulary = config.integer("vocab_size");
  ir::user_check(vocabulary > 0, "model {}: vocab_size must be positive, but got {}", model.name,
                 vocabulary);
  Context context(identifier(model.name), seed);
  const Dim batch = Dim::named('B');
  const Dim time = Dim::named('T');
  const Tensor tokens = context.input("tokens", {DType::i32, {batch, time}});
  const Tensor targets = context.input("targets", {DType::i32, {batch, time}});
  const Tensor logits = model.forward(Scope(context), tokens, config);
  ir::user_check(logits.shape() == Shape{batch, time, vocabulary},
                 "model {}: forward must give logits [BxTx{}], but got [{}]", model.name,
                 vocabulary, logits.shape().text());
  const auto inside = Scope(context, "loss").enter();
  context.output("logits", logits);
  context.output("loss", cross_entropy(logits, targets));
  context.output("tokens", token_count(targets));
  ir::Module module = std::move(context).finish();
  ir::verify(module);
  return module;
}

std::int64_t parameter_count(const ir::Module& module) {
  std::int64_t count = 0;
  for (const ir::State& state : module.states()) {
    if (state.train) count += state.type.shape.numel();
  }
  return count;
}

}  // namespace gptc::dsl
