#include "tools/driver/generator.h"

#include <algorithm>
#include <string>

#include "ir/check.h"

namespace gptc::driver {
namespace {

constexpr std::int64_t shortest = 16;
constexpr std::int64_t growth = 4;

std::vector<std::int64_t> lengths(std::int64_t context) {
  std::vector<std::int64_t> all;
  for (std::int64_t length = shortest; length < context; length *= growth) all.push_back(length);
  all.push_back(context);
  return all;
}

std::string label_of(std::int64_t length) { return fmt::format("generate.{}", length); }

runtime::Binding ids(std::string name, ir::Shape shape, std::vector<std::int32_t>& values) {
  return {std::move(name),
          {{ir::DType::i32, std::move(shape)}, reinterpret_cast<std::byte*>(values.data())}};
}

}  // namespace

std::vector<GraphRequest> Generator::requests(std::int64_t context) {
  std::vector<GraphRequest> requests;
  for (const std::int64_t length : lengths(context))
    requests.push_back({label_of(length), "generate", {{'B', 1}, {'T', length}}});
  return requests;
}

Generator::Generator(CompiledModel& model, std::int64_t context)
    : model_(model), context_(context) {
  const ir::Graph& graph = model.program(label_of(context)).graph;
  const std::optional<ir::Value> output = graph.find_output("logits");
  ir::internal_check(output.has_value(), "graph {} returns no logits", graph.name());
  logits_.resize(static_cast<std::size_t>(graph.type(*output).shape.numel()));
}

std::span<const float> Generator::logits(std::span<const std::int32_t> tokens) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  ir::internal_check(count >= 1 && count <= context_, "logits of {} tokens, context {}", count,
                     context_);
  const std::vector<std::int64_t> all = lengths(context_);
  const std::int64_t length = *std::ranges::lower_bound(all, count);
  std::vector<std::int32_t> padded(tokens.begin(), tokens.end());
  padded.resize(static_cast<std::size_t>(length));
  std::vector<std::int32_t> last = {static_cast<std::int32_t>(count - 1)};
  const auto vocabulary = static_cast<std::int64_t>(logits_.size());
  const std::vector<runtime::Binding> inputs = {ids("tokens", {1, length}, padded),
                                                ids("last", {1}, last)};
  const std::vector<runtime::Binding> outputs = {
      {"logits",
       {{ir::DType::f32, {1, vocabulary}}, reinterpret_cast<std::byte*>(logits_.data())}}};
  model_.run(label_of(length), inputs, outputs);
  return logits_;
}

std::vector<std::int32_t> Generator::generate(std::span<const std::int32_t> prompt,
                                              const GenerateOptions& options) {
  check_sampling(options.sampling);
  const auto context = static_cast<std::size_t>(context_);
  ir::user_check(!prompt.empty(), "prompt: it must have at least one token, but is empty");
  ir::user_check(prompt.size() <= context,
                 "prompt: it must fit the model's context of {} tokens, but has {}; shorten it",
                 context, prompt.size());
  std::vector<std::int32_t> window(prompt.begin(), prompt.end());
  std::vector<std::int32_t> made;
  bool shifted = false;
  while (static_cast<std::int64_t>(made.size()) < options.max_new_tokens) {
    if (window.size() > context) {
      if (!shifted && options.on_shift) options.on_shift();
      shifted = true;
      const std::size_t keep = std::max<std::size_t>(1, context / 2);
      window.erase(window.begin(), window.end() - static_cast<std::ptrdiff_t>(keep));
    }
    const std::int32_t token =
        sample_token(logits(window), options.sampling, {options.sample, made.size()});
    if (options.stop == token) break;
    made.push_back(token);
    window.push_back(token);
    if (options.on_token && !options.on_token(token)) break;
  }
  return made;
}

}  // namespace gptc::driver
