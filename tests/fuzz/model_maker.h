// Private to the generator: a model under construction, and what its blocks share.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "tests/fuzz/random_graph.h"
#include "tests/support/random_values.h"

namespace gptc::testing {

class ModelMaker {
 public:
  explicit ModelMaker(std::uint64_t seed);
  RandomModel make() &&;

  ir::Builder& builder() { return builder_; }
  Random& random() { return random_; }
  std::int64_t width() const { return width_; }
  std::int64_t vocabulary() const { return vocabulary_; }
  ir::Value tokens() const { return tokens_; }
  /// [B, T] and what follows; dimensions are named in some models.
  ir::Shape shape(std::initializer_list<ir::Dim> behind) const;
  /// Number of rows B·T, or 0 where it is not known.
  std::int64_t rows() const;

  bool chance(double probability) { return random_.real(0, 1) < probability; }
  template <class T>
  T one_of(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(
        random_.integer(0, static_cast<std::int64_t>(list.size()) - 1))];
  }
  /// A hidden state [B,T,C] made so far.
  ir::Value hidden() { return one_of(hidden_); }
  /// A weight [in, out], new or one that is in use already; `vector`: a bias or gain.
  ir::Value weight(std::int64_t in, std::int64_t out);
  ir::Value vector(std::int64_t size, double mean);
  /// micro_batch, which the first use adds to the inputs.
  ir::Value counter();
  std::uint64_t new_key() { return ++last_key_; }
  /// weight's product, stored either way round, over [B,T,in] or over [B·T,in].
  ir::Value linear(ir::Value x, std::int64_t in, std::int64_t out, double bias);

 private:
  ir::Value parameter(const ir::Shape& shape, double mean, double deviation);
  void add_block();
  ir::Value head(ir::Value x);
  ir::Value loss(ir::Value logits, ir::Value x);

  Random random_;
  ir::Module module_;
  ir::Graph graph_;
  ir::Builder builder_;
  passes::DimSizes sizes_;
  ir::Dim batch_ = 1, time_ = 1;
  std::int64_t width_ = 1, vocabulary_ = 2;
  ir::Value tokens_, targets_;
  std::vector<ir::Value> hidden_;
  std::uint64_t last_key_ = 0;
  int blocks_ = 0;
};

/// x[B,T,C] to another value of that shape.
struct Block {
  const char* name;
  int weight;  // how often, relative to the others
  ir::Value (*make)(ModelMaker& maker, ir::Value x);
};
const std::vector<Block>& blocks();

}  // namespace gptc::testing
