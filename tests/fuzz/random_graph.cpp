#include "tests/fuzz/random_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/graph_algo.h"
#include "tests/fuzz/model_maker.h"

namespace gptc::testing {

using ir::Dim;
using ir::DType;
using ir::OpKind;
using ir::Value;

ModelMaker::ModelMaker(std::uint64_t seed)
    : random_(fmt::format("model {}", seed)),
      module_(fmt::format("fuzz{}", seed)),
      graph_("forward"),
      builder_(graph_) {
  const std::int64_t batch = random_.integer(1, 3);
  const std::int64_t time = one_of<std::int64_t>({1, 2, 3, 5, 7, 15, 16, 17});
  width_ = one_of<std::int64_t>({1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 17, 18, 33});
  vocabulary_ = one_of<std::int64_t>({2, 3, 5, 7, 16, 17, 33});
  if (chance(0.6)) {
    sizes_ = {{'B', batch}, {'T', time}};
    batch_ = Dim::named('B');
    time_ = Dim::named('T');
  } else {
    batch_ = batch;
    time_ = time;
  }
  tokens_ = graph_.add_input("tokens", {DType::i32, {batch_, time_}});
  targets_ = graph_.add_input("targets", {DType::i32, {batch_, time_}});
}

ir::Shape ModelMaker::shape(std::initializer_list<Dim> behind) const {
  std::vector<Dim> dims = {batch_, time_};
  dims.insert(dims.end(), behind);
  return ir::Shape(std::move(dims));
}

std::int64_t ModelMaker::rows() const {
  return batch_.is_named() ? 0 : batch_.size() * time_.size();
}

Value ModelMaker::parameter(const ir::Shape& shape, double mean, double deviation) {
  for (const ir::State& state : module_.states()) {
    const bool fits = state.type.shape == shape && state.init.a == mean;
    if (fits && chance(0.15)) return graph_.state(state.name, state.type);
  }
  ir::State state;
  state.name = fmt::format("w{}", module_.states().size());
  state.type.shape = shape;
  state.init = {ir::Init::Kind::normal, mean, deviation};
  state.train = true;
  state.decay = shape.rank() > 1;
  state.origin = builder_.origin();
  module_.add_state(state);
  return graph_.state(state.name, state.type);
}

Value ModelMaker::weight(std::int64_t in, std::int64_t out) {
  return parameter({in, out}, 0, 1 / std::sqrt(static_cast<double>(in)));
}

Value ModelMaker::vector(std::int64_t size, double mean) { return parameter({size}, mean, 0.3); }

Value ModelMaker::counter() {
  if (const auto known = graph_.find_input("micro_batch")) return *known;
  return graph_.add_input("micro_batch", {DType::i64, {}});
}

Value ModelMaker::linear(Value x, std::int64_t in, std::int64_t out, double bias) {
  const bool stored_transposed = chance(0.3);
  const bool flat = rows() > 0 && chance(0.3);
  if (flat) x = builder_.reshape(x, {rows(), in});
  const Value w = stored_transposed ? weight(out, in) : weight(in, out);
  Value y = builder_.matmul(x, w, {.transpose_b = stored_transposed});
  if (chance(bias)) y = builder_.add(y, vector(out, 0));
  return flat ? builder_.reshape(y, shape({out})) : y;
}

void ModelMaker::add_block() {
  int total = 0;
  for (const Block& block : blocks()) total += block.weight;
  auto ticket = random_.integer(0, total - 1);
  const auto chosen = std::find_if(blocks().begin(), blocks().end(), [&](const Block& block) {
    ticket -= block.weight;
    return ticket < 0;
  });
  builder_.set_origin({fmt::format("b.{}.{}", blocks_, chosen->name), "fuzz.cpp", ++blocks_});
  const Value x = chance(0.65) ? hidden_.back() : hidden();
  hidden_.push_back(chosen->make(*this, x));
}

Value ModelMaker::head(Value x) {
  builder_.set_origin({"head", "fuzz.cpp", ++blocks_});
  if (width_ > 1 && chance(0.7)) {
    x = builder_.op(OpKind::layer_norm, {x, vector(width_, 1), vector(width_, 0)});
  }
  if (chance(0.6)) {  // the embedding's table once more
    const Value table = graph_.state("w0", module_.states().front().type);
    return builder_.matmul(x, table, {.transpose_b = true});
  }
  const Value logits = linear(x, width_, vocabulary_, 0.4);
  return chance(0.2) ? builder_.scale(logits, 0.5) : logits;
}

Value ModelMaker::loss(Value logits, Value x) {
  builder_.set_origin({"loss", "fuzz.cpp", ++blocks_});
  const Value loss = builder_.op(OpKind::cross_entropy, {logits, targets_});
  if (!chance(0.15)) return loss;
  const Value penalty = builder_.reduce_sum(builder_.mul(x, x), {0, 1, 2});
  return builder_.add(loss, builder_.scale(penalty, 0.01));
}

RandomModel ModelMaker::make() && {
  builder_.set_origin({"wte", "fuzz.cpp", ++blocks_});
  const Value table = parameter({vocabulary_, width_}, 0, 1);
  hidden_.push_back(builder_.op(OpKind::embedding, {table, tokens_}));
  for (auto left = random_.integer(1, 9); left > 0; --left) add_block();
  const Value x = chance(0.5) ? builder_.add(hidden_.back(), hidden()) : hidden_.back();
  const Value logits = head(x);
  const Value sum = loss(logits, x);
  graph_.outputs().push_back({"logits", logits});
  graph_.outputs().push_back({"loss", sum});
  graph_.outputs().push_back({"tokens", builder_.op(OpKind::token_count, {targets_})});
  module_.add_graph(std::move(graph_));
  freeze_unreached(module_);
  return {std::move(module_), std::move(sizes_)};
}

RandomModel random_model(std::uint64_t seed) { return ModelMaker(seed).make(); }

void freeze_unreached(ir::Module& module) {
  const ir::Graph& graph = module.graph("forward");
  const std::vector<bool> needed =
      ir::reachable(graph, {graph.find_output("loss")->node}, ir::Direction::to_operands);
  ir::Module frozen(module.name());
  for (ir::State state : module.states()) {
    const auto value = graph.find_state(state.name);
    state.train = state.train && value && needed[value->node.index];
    frozen.add_state(std::move(state));
  }
  frozen.add_graph(graph);
  module = std::move(frozen);
}

}  // namespace gptc::testing
