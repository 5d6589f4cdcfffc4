#include "tools/driver/decoder.h"

#include <algorithm>
#include <functional>

#include "ir/check.h"
#include "ir/op_def.h"
#include "passes/compile.h"
#include "tools/driver/chunks.h"

namespace gptc::driver {
namespace {

std::string label_of(std::int64_t chunk) {
  return chunk == 1 ? "decode" : fmt::format("prefill.{}", chunk);
}

GraphRequest chunk_request(std::int64_t chunk, std::int64_t batch, std::int64_t context) {
  return {label_of(chunk),
          chunk == 1 ? "decode" : "prefill",
          {{'B', batch}, {'T', chunk}, {'S', context}},
          chunk > 1};
}

/// What compiling one more graph takes, in tokens of a text: a node takes about as long as so many
/// operations (measured with GPT-2 124M and 355M). Small models do fewer in that time.
std::int64_t tokens_to_compile(const ir::Graph& decode, std::int64_t batch) {
  constexpr double operations_of_node = 25e6;
  constexpr double most = 128;
  const std::vector<ir::NodeId> nodes = decode.nodes();
  double operations = 0;
  for (const ir::NodeId id : nodes) operations += ir::flops(decode, id);
  const double token = std::max(1.0, operations / static_cast<double>(batch));
  const double graph = static_cast<double>(nodes.size()) * operations_of_node;
  return static_cast<std::int64_t>(std::min(most, graph / token));
}

std::string whole_label(std::int64_t length) { return fmt::format("whole.{}", length); }

/// Lengths of whole texts that have a graph.
std::vector<std::int64_t> whole_lengths(std::int64_t context) {
  std::vector<std::int64_t> lengths;
  for (const std::int64_t length : {16, 64, 256}) {
    if (length < context) lengths.push_back(length);
  }
  lengths.push_back(context);
  return lengths;
}

runtime::Binding ids(std::string name, ir::Shape shape, std::vector<std::int32_t>& values) {
  return {std::move(name),
          {{ir::DType::i32, std::move(shape)}, reinterpret_cast<std::byte*>(values.data())}};
}

}  // namespace

std::optional<std::string> why_no_caches(const ModelSource& source) {
  ir::Module module = dsl::declare(source.model, source.config, source.seed);
  try {
    passes::lower(module,
                  {.graph = "decode", .sizes = {{'B', 1}, {'T', 1}, {'S', source.context()}}}, {},
                  {.stop_after = "incremental"});
  } catch (const ir::UserError& error) {
    return error.what();
  }
  return std::nullopt;
}

std::vector<GraphRequest> Decoder::requests(std::int64_t context, std::int64_t batch,
                                            Reading reading) {
  std::vector<GraphRequest> requests;
  if (reading == Reading::whole) {
    for (const std::int64_t length : whole_lengths(context))
      requests.push_back(
          {whole_label(length), "logits", {{'B', batch}, {'T', length}}, length < context});
    return requests;
  }
  for (const std::int64_t chunk : chunk_lengths(context, batch))
    requests.push_back(chunk_request(chunk, batch, context));
  return requests;
}

Decoder::Decoder(CompiledModel& model, std::int64_t context, std::int64_t batch, Reading reading)
    : model_(model),
      context_(context),
      batch_(batch),
      reading_(reading),
      standing_(chunk_lengths(context, batch)),
      rows_(static_cast<std::size_t>(batch)),
      past_(rows_.size()),
      last_(rows_.size()),
      ended_(rows_.size()) {
  const std::string label = reading == Reading::whole ? whole_label(context) : label_of(1);
  const ir::Graph& graph = model.program(label).graph;
  const std::optional<ir::Value> output = graph.find_output("logits");
  ir::internal_check(output.has_value(), "graph {} returns no logits", graph.name());
  vocabulary_ = static_cast<std::size_t>(graph.type(*output).shape.back().size());
  made_.resize(rows_.size() * vocabulary_);
  logits_.resize(made_.size());
  if (reading == Reading::cached) graph_cost_ = tokens_to_compile(graph, batch);
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
    longest = std::max(longest, reading_ == Reading::whole ? texts[i].size() : row.left());
  }
  if (reading_ == Reading::whole) return read_whole(static_cast<std::int64_t>(longest));
  while (longest > 0) {
    const std::int64_t chunk = next_length(static_cast<std::int64_t>(longest));
    step(chunk);
    longest -= std::min(longest, static_cast<std::size_t>(chunk));
  }
}

std::int64_t Decoder::next_length(std::int64_t count) {
  if (count == 1) return 1;
  constexpr std::size_t most_fitted = 4;
  std::vector<ChunkLength> lengths;
  for (const std::int64_t length : standing_)
    lengths.push_back({length, model_.is_lowered(label_of(length))});
  for (const std::int64_t length : fitted_)
    lengths.push_back({length, model_.is_lowered(label_of(length))});
  std::ranges::sort(lengths, {}, &ChunkLength::positions);
  const std::int64_t chosen = next_chunk(count, lengths, {batch_, graph_cost_});
  if (std::ranges::find(standing_, chosen) != standing_.end()) return chosen;
  model_.request(chunk_request(chosen, batch_, context_));
  std::erase(fitted_, chosen);
  fitted_.push_back(chosen);
  if (fitted_.size() > most_fitted) {
    model_.drop(label_of(fitted_.front()));
    fitted_.erase(fitted_.begin());
  }
  return chosen;
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
  run(label_of(chunk), chunk, Reading::cached);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Row& row = rows_[i];
    const std::size_t count = std::min(width, row.left());
    row.past += count;
    ended_[i] = count > 0 && row.left() == 0;
  }
  keep_logits();
}

void Decoder::keep_logits() {
  if (std::ranges::all_of(ended_, std::identity())) return logits_.swap(made_);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!ended_[i]) continue;
    std::copy_n(made_.begin() + static_cast<std::ptrdiff_t>(i * vocabulary_), vocabulary_,
                logits_.begin() + static_cast<std::ptrdiff_t>(i * vocabulary_));
  }
}

// What a short text is padded with stands behind it, where nothing before looks.
void Decoder::read_whole(std::int64_t longest) {
  if (longest == 0) return;
  const std::vector<std::int64_t> lengths = whole_lengths(context_);
  const std::int64_t length = *std::ranges::lower_bound(lengths, longest);
  const auto width = static_cast<std::size_t>(length);
  tokens_.assign(rows_.size() * width, 0);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::vector<std::int32_t>& text = rows_[i].text;
    const std::size_t count = std::min(width, text.size());
    std::copy_n(text.begin(), count, tokens_.begin() + static_cast<std::ptrdiff_t>(i * width));
    last_[i] = static_cast<std::int32_t>(std::max<std::size_t>(count, 1) - 1);
  }
  run(whole_label(length), length, Reading::whole);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Row& row = rows_[i];
    ended_[i] = row.left() > 0;
    row.past = row.text.size();
  }
  keep_logits();
}

void Decoder::run(const std::string& label, std::int64_t width, Reading reading) {
  std::vector<runtime::Binding> inputs = {ids("tokens", {batch_, width}, tokens_)};
  if (reading == Reading::cached) inputs.push_back(ids("past", {batch_}, past_));
  if (reading == Reading::whole || width > 1) inputs.push_back(ids("last", {batch_}, last_));
  const ir::Shape shape = {batch_, static_cast<std::int64_t>(vocabulary_)};
  const std::vector<runtime::Binding> outputs = {
      {"logits", {{ir::DType::f32, shape}, reinterpret_cast<std::byte*>(made_.data())}}};
  model_.run(label, inputs, outputs);
}

}  // namespace gptc::driver
