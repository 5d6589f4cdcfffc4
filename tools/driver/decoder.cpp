#include "tools/driver/decoder.h"

#include <algorithm>
#include <array>

#include "ir/check.h"

namespace gptc::driver {
namespace {

/// One graph for each; a longer text takes several steps.
constexpr std::array<std::int64_t, 4> chunks = {1, 16, 64, 256};

std::string label_of(std::int64_t chunk) {
  return chunk == 1 ? "decode" : fmt::format("prefill.{}", chunk);
}

/// The shortest chunk that holds `count` tokens, else the longest there is.
std::int64_t chunk_for(std::int64_t count, std::int64_t context) {
  std::int64_t best = 1;
  for (const std::int64_t chunk : chunks) {
    if (chunk > context || best >= count) break;
    best = chunk;
  }
  return best;
}

runtime::Binding ids(std::string name, ir::Shape shape, std::vector<std::int32_t>& values) {
  return {std::move(name),
          {{ir::DType::i32, std::move(shape)}, reinterpret_cast<std::byte*>(values.data())}};
}

}  // namespace

std::vector<GraphRequest> Decoder::requests(std::int64_t context, std::int64_t batch) {
  std::vector<GraphRequest> requests;
  for (const std::int64_t chunk : chunks) {
    if (chunk > context) break;
    requests.push_back({label_of(chunk),
                        chunk == 1 ? "decode" : "prefill",
                        {{'B', batch}, {'T', chunk}, {'S', context}},
                        chunk > 1});
  }
  return requests;
}

Decoder::Decoder(CompiledModel& model, std::int64_t context, std::int64_t batch)
    : model_(model),
      context_(context),
      batch_(batch),
      rows_(static_cast<std::size_t>(batch)),
      past_(rows_.size()),
      last_(rows_.size()) {
  const ir::Graph& graph = model.program(label_of(1)).graph;
  const std::optional<ir::Value> output = graph.find_output("logits");
  ir::internal_check(output.has_value(), "graph {} returns no logits", graph.name());
  vocabulary_ = static_cast<std::size_t>(graph.type(*output).shape.back().size());
  made_.resize(rows_.size() * vocabulary_);
  logits_.resize(made_.size());
}

void Decoder::forget() {
  for (Row& row : rows_) row = {};
}

std::span<const float> Decoder::logits(std::size_t row) const {
  return std::span(logits_).subspan(row * vocabulary_, vocabulary_);
}

void Decoder::read(std::span<const Text> texts) {
  ir::internal_check(texts.size() <= rows_.size(), "decoder: {} texts for {} rows", texts.size(),
                     rows_.size());
  std::size_t longest = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) continue;
    ir::internal_check(std::ssize(texts[i]) <= context_, "decoder: {} tokens, context {}",
                       texts[i].size(), context_);
    Row& row = rows_[i];
    const auto known =
        static_cast<std::size_t>(std::ranges::mismatch(row.text, texts[i]).in1 - row.text.begin());
    row.past = std::min({known, row.past, texts[i].size() - 1});
    row.text.assign(texts[i].begin(), texts[i].end());
    longest = std::max(longest, row.left());
  }
  while (longest > 0) {
    const std::int64_t chunk = chunk_for(static_cast<std::int64_t>(longest), context_);
    step(chunk);
    longest -= std::min(longest, static_cast<std::size_t>(chunk));
  }
}

// What a short row is padded with lands behind its text, where nothing is read before it is
// written again.
void Decoder::step(std::int64_t chunk) {
  const auto width = static_cast<std::size_t>(chunk);
  tokens_.assign(rows_.size() * width, 0);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    const std::size_t count = std::min(width, row.left());
    std::copy_n(row.text.begin() + static_cast<std::ptrdiff_t>(row.past), count,
                tokens_.begin() + static_cast<std::ptrdiff_t>(i * width));
    past_[i] = static_cast<std::int32_t>(row.past);
    last_[i] = static_cast<std::int32_t>(std::max<std::size_t>(count, 1) - 1);
  }
  std::vector<runtime::Binding> inputs = {ids("tokens", {batch_, chunk}, tokens_),
                                          ids("past", {batch_}, past_)};
  if (chunk > 1) inputs.push_back(ids("last", {batch_}, last_));
  const ir::Shape shape = {batch_, static_cast<std::int64_t>(vocabulary_)};
  const std::vector<runtime::Binding> outputs = {
      {"logits", {{ir::DType::f32, shape}, reinterpret_cast<std::byte*>(made_.data())}}};
  model_.run(label_of(chunk), inputs, outputs);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Row& row = rows_[i];
    const std::size_t count = std::min(width, row.left());
    if (count == 0) continue;
    row.past += count;
    if (row.left() > 0) continue;
    std::copy_n(made_.begin() + static_cast<std::ptrdiff_t>(i * vocabulary_), vocabulary_,
                logits_.begin() + static_cast<std::ptrdiff_t>(i * vocabulary_));
  }
}

}  // namespace gptc::driver
