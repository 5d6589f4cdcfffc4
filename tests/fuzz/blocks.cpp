// The blocks that random models are made of.
#include <cmath>
#include <limits>

#include "tests/fuzz/model_maker.h"

namespace gptc::testing {
namespace {

using ir::Dim;
using ir::OpKind;
using ir::Value;

constexpr double infinity = std::numeric_limits<double>::infinity();

Value activation(ModelMaker& m, Value x) {
  return m.builder().op(
      m.one_of<OpKind>({OpKind::gelu, OpKind::gelu, OpKind::relu, OpKind::tanh, OpKind::sigmoid}),
      {x});
}

Value feed_forward(ModelMaker& m, Value x) {
  const std::int64_t inner = m.one_of<std::int64_t>({1, 2, 3, 5, 7, 15, 16, 17, 33, 64});
  Value h = m.linear(x, m.width(), inner, 0.7);
  const Value raw = h;
  if (m.chance(0.8)) h = activation(m, h);
  if (m.chance(0.15)) h = m.builder().add(h, raw);
  h = m.linear(h, inner, m.width(), 0.5);
  return m.chance(0.5) ? m.builder().add(x, h) : h;
}

Value projection(ModelMaker& m, Value x) {
  const Value y = m.linear(x, m.width(), m.width(), 0.5);
  return m.chance(0.5) ? activation(m, y) : y;
}

Value layer_norm(ModelMaker& m, Value x) {
  if (m.width() == 1) return m.builder().tanh(x);  // its gradient is rounding alone
  return m.builder().op(OpKind::layer_norm, {x, m.vector(m.width(), 1), m.vector(m.width(), 0)});
}

/// The same from core ops.
Value standardise(ModelMaker& m, Value x) {
  if (m.width() == 1) return layer_norm(m, x);
  ir::Builder& b = m.builder();
  const double share = 1 / static_cast<double>(m.width());
  const Value centred = b.sub(x, b.scale(b.row_sum(x), share));
  const Value variance = b.scale(b.row_sum(b.mul(centred, centred)), share);
  return b.mul(centred, b.rsqrt(b.add(variance, b.scalar(0.1))));
}

Value split_heads(ModelMaker& m, Value x, std::int64_t heads) {
  const Value parts = m.builder().reshape(x, m.shape({heads, m.width() / heads}));
  return m.builder().transpose(parts, {0, 2, 1, 3});
}

Value scores(ModelMaker& m, Value q, Value k) {
  ir::Builder& b = m.builder();
  Value s = b.matmul(q, k, {.transpose_b = true});
  if (m.chance(0.7)) {
    const Value scale = b.scalar(m.one_of<double>({0.5, 0.25, 1 / std::sqrt(3.0)}));
    s = m.chance(0.5) ? b.mul(s, scale) : b.mul(scale, s);
  }
  if (m.chance(0.1)) s = b.tanh(s);
  if (m.chance(0.75)) {
    const double fill = m.chance(0.9) ? -infinity : -1e4;
    s = b.op(OpKind::causal_mask, {s}, {{"fill", fill}});
  }
  return s;
}

std::vector<Value> queries_keys_values(ModelMaker& m, Value x) {
  const std::int64_t c = m.width();
  if (m.chance(0.2)) return {m.linear(x, c, c, 0.5), x, x};
  if (m.chance(0.3)) return {m.linear(x, c, c, 0.5), m.linear(x, c, c, 0), m.linear(x, c, c, 0.5)};
  const Value all = m.linear(x, c, 3 * c, 0.7);
  std::vector<Value> parts;
  for (std::int64_t i = 0; i < 3; ++i) {
    parts.push_back(
        m.builder().op(OpKind::slice, {all},
                       {{"axis", std::int64_t{2}}, {"start", i * c}, {"size", ir::Shape{Dim(c)}}}));
  }
  return parts;
}

Value attention(ModelMaker& m, Value x) {
  ir::Builder& b = m.builder();
  std::vector<std::int64_t> divisors;
  for (std::int64_t heads = 1; heads <= m.width(); ++heads) {
    if (m.width() % heads == 0) divisors.push_back(heads);
  }
  const std::int64_t heads = m.one_of(divisors);
  const std::vector<Value> qkv = queries_keys_values(m, x);
  Value p = b.op(OpKind::softmax,
                 {scores(m, split_heads(m, qkv[0], heads), split_heads(m, qkv[1], heads))});
  if (m.chance(0.3)) {
    p = b.op(OpKind::dropout, {p, m.counter()}, {{"p", 0.25}, {"rng_key", m.new_key()}});
  }
  Value y = b.matmul(p, split_heads(m, qkv[2], heads));
  y = b.reshape(b.transpose(y, {0, 2, 1, 3}), m.shape({m.width()}));
  if (m.chance(0.6)) y = m.linear(y, m.width(), m.width(), 0.7);
  return m.chance(0.6) ? b.add(x, y) : y;
}

Value dropout(ModelMaker& m, Value x) {
  const double p = m.one_of<double>({0.1, 0.5, 0.0});
  return m.builder().op(OpKind::dropout, {x, m.counter()}, {{"p", p}, {"rng_key", m.new_key()}});
}

Value combine(ModelMaker& m, Value x) {
  ir::Builder& b = m.builder();
  const Value y = m.chance(0.25) ? x : m.hidden();
  switch (m.random().integer(0, 5)) {
    case 0:
      return b.sub(b.scale(x, 0.75), y);
    case 1:
      return b.mul(b.tanh(x), y);
    case 2:
      return b.op(OpKind::maximum, {x, y});
    case 3:
      return b.div(x, b.add(b.mul(y, y), b.scalar(1)));
    default:
      return b.add(x, y);
  }
}

/// One step of a chain whose values stay of order one.
Value elementwise(ModelMaker& m, Value x) {
  ir::Builder& b = m.builder();
  const Value half = b.scalar(0.5);
  switch (m.random().integer(0, 11)) {
    case 0:
      return b.neg(x);
    case 1:
      return b.exp(b.tanh(x));
    case 2:
      return b.op(OpKind::sqrt, {b.add(b.mul(x, x), half)});
    case 3:
      return b.mul(x, b.rsqrt(b.add(b.mul(x, x), half)));
    case 4:
      return b.log(b.add(b.op(OpKind::sigmoid, {x}), half));
    case 5:
      return b.mul(x, b.op(OpKind::step, {x}));
    case 6:
      return b.mul(x, m.vector(m.width(), 1));
    case 7:
      return b.sub(m.vector(m.width(), 0), x);
    case 8:
      return b.add(half, x);
    case 9:
      return b.mul(m.vector(1, 1), x);
    default:
      return activation(m, x);
  }
}

Value chain(ModelMaker& m, Value x) {
  for (auto left = m.random().integer(1, 4); left > 0; --left) x = elementwise(m, x);
  return x;
}

ir::Value slice(ModelMaker& m, Value x, std::int64_t axis, std::int64_t start, Dim size) {
  return m.builder().op(OpKind::slice, {x},
                        {{"axis", axis}, {"start", start}, {"size", ir::Shape{size}}});
}

Value position(ModelMaker& m, Value x) {
  const Value table = m.weight(20, m.width());  // longer than any T
  const Value rows = slice(m, table, 0, m.random().integer(0, 2), m.shape({})[1]);
  return m.builder().add(x, rows);
}

Value another_embedding(ModelMaker& m, Value x) {
  const Value table = m.weight(m.vocabulary(), m.width());
  return m.builder().add(m.builder().op(OpKind::embedding, {table, m.tokens()}), x);
}

Value shifted(ModelMaker& m, Value x) {
  const std::int64_t axis = m.random().integer(1, 2);
  const std::int64_t by = m.one_of<std::int64_t>({1, -1, 2});
  const Value moved = m.builder().op(OpKind::shift, {x}, {{"axis", axis}, {"by", by}});
  return m.chance(0.7) ? m.builder().add(moved, x) : moved;
}

/// Parts of the columns: exchanged, or one of them padded again.
Value parts(ModelMaker& m, Value x) {
  if (m.width() < 2) return m.builder().tanh(x);
  const std::int64_t cut = m.random().integer(1, m.width() - 1);
  const Value low = slice(m, x, 2, 0, cut);
  const Value high = slice(m, x, 2, cut, m.width() - cut);
  if (m.chance(0.6)) {
    return m.builder().op(OpKind::concat, {high, low}, {{"axis", std::int64_t{2}}});
  }
  const Value padded = m.builder().op(OpKind::pad, {high},
                                      {{"axis", std::int64_t{2}},
                                       {"before", m.random().integer(0, cut)},
                                       {"size", ir::Shape{Dim(m.width())}}});
  return m.builder().add(x, padded);
}

Value doubled(ModelMaker& m, Value x) {
  const Value both =
      m.builder().op(OpKind::concat, {x, m.hidden(), x}, {{"axis", std::int64_t{2}}});
  return m.linear(both, 3 * m.width(), m.width(), 0.5);
}

Value turned(ModelMaker& m, Value x) {
  ir::Builder& b = m.builder();
  return b.transpose(b.op(OpKind::gelu, {b.transpose(x, {0, 2, 1})}), {0, 2, 1});
}

/// x · (yᵀ · z): batched products of every orientation.
Value products(ModelMaker& m, Value x) {
  ir::Builder& b = m.builder();
  const Value y = b.tanh(x);
  const Value square = b.matmul(y, m.chance(0.3) ? y : m.hidden(), {.transpose_a = true});
  return b.matmul(y, b.tanh(b.scale(square, 0.2)), {.transpose_b = m.chance(0.5)});
}

Value reduced(ModelMaker& m, Value x) {
  ir::Builder& b = m.builder();
  const ir::Shape one_row({b.shape(x)[0], Dim(1), Dim(m.width())});
  switch (m.random().integer(0, 4)) {
    case 0:
      return b.sub(x, b.row_max(x));
    case 1:
      return b.mul(b.tanh(b.row_sum(x)), x);
    case 2:
      return b.add(x, b.tanh(b.reshape(b.reduce_sum(x, {1}), one_row)));
    case 3:
      return b.add(x, b.tanh(b.reduce_sum(x, {0, 1})));
    default:
      return b.op(OpKind::softmax, {x});
  }
}

Value repeated(ModelMaker& m, Value x) {
  const Value rows = m.builder().broadcast(m.vector(m.width(), 0), m.shape({m.width()}));
  return m.builder().add(rows, x);
}

/// A column chosen by the token, where there are as many.
Value picked(ModelMaker& m, Value x) {
  ir::Builder& b = m.builder();
  if (m.vocabulary() > m.width()) return b.op(OpKind::relu, {x});
  const Value column = b.op(OpKind::pick, {x, m.tokens()});
  return b.add(x, b.reshape(b.tanh(column), m.shape({1})));
}

/// Work that nothing needs, beside what is needed.
Value with_dead_code(ModelMaker& m, Value x) {
  feed_forward(m, x);
  return combine(m, x);
}

}  // namespace

const std::vector<Block>& blocks() {
  static const std::vector<Block> table = {
      {"mlp", 6, feed_forward},    {"linear", 3, projection},
      {"ln", 4, layer_norm},       {"standardise", 1, standardise},
      {"attn", 6, attention},      {"drop", 2, dropout},
      {"combine", 4, combine},     {"chain", 4, chain},
      {"position", 1, position},   {"embedding", 1, another_embedding},
      {"shift", 1, shifted},       {"parts", 2, parts},
      {"concat", 1, doubled},      {"turn", 1, turned},
      {"products", 1, products},   {"reduce", 3, reduced},
      {"repeat", 1, repeated},     {"pick", 1, picked},
      {"dead", 1, with_dead_code},
  };
  return table;
}

}  // namespace gptc::testing
