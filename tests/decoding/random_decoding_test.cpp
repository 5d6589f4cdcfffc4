// With --exact the caches change nothing: random models, random texts, cut anyhow, beside any
// others.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/decoding/random_model.h"
#include "tools/driver/decoder.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/weight_store.h"

namespace gptc::testing {
namespace {

using driver::CompiledModel;
using driver::Decoder;
using driver::GraphRequest;
using driver::ModelSource;
using passes::WeightStore;

using Text = std::vector<std::int32_t>;
using Logits = std::vector<float>;

CompiledModel compiled(const ModelSource& source, WeightStore store, int threads,
                       const std::vector<GraphRequest>& graphs) {
  const bool narrow = store == WeightStore::bf16;
  const driver::CompileOptions options = {.threads = threads,
                                          .seed = source.seed,
                                          .dtype = narrow ? ir::DType::bf16 : ir::DType::f32,
                                          .exact = true,
                                          .weights = store};
  CompiledModel model(source.model, source.config, graphs, options);
  store_initial_parameters(model, source, options);
  return model;
}

template <class T>
runtime::TensorView view_of(std::vector<T>& values, ir::DType dtype, ir::Shape shape) {
  return {{dtype, std::move(shape)}, reinterpret_cast<std::byte*>(values.data())};
}

/// The whole texts at once, by the graph without caches.
class Whole {
 public:
  Whole(const ModelSource& source, WeightStore store, int threads, const std::vector<Text>& texts)
      : batch_(std::ssize(texts)),
        vocabulary_(source.config.integer("vocab_size")),
        model_(compiled(source, store, threads, {request(texts)})) {
    for (const Text& text : texts) {
      tokens_.insert(tokens_.end(), text.begin(), text.end());
      tokens_.resize(tokens_.size() + longest_ - text.size());
    }
  }

  /// Logits behind the first length[i] tokens of each text.
  std::vector<Logits> behind(const std::vector<std::size_t>& lengths) {
    std::vector<std::int32_t> last;
    for (const std::size_t length : lengths)
      last.push_back(static_cast<std::int32_t>(std::max<std::size_t>(length, 1) - 1));
    Logits all(static_cast<std::size_t>(batch_ * vocabulary_));
    const std::vector<runtime::Binding> inputs = {
        {"tokens", view_of(tokens_, ir::DType::i32, {batch_, static_cast<std::int64_t>(longest_)})},
        {"last", view_of(last, ir::DType::i32, {batch_})}};
    const std::vector<runtime::Binding> outputs = {
        {"logits", view_of(all, ir::DType::f32, {batch_, vocabulary_})}};
    model_.run("whole", inputs, outputs);
    std::vector<Logits> rows;
    for (auto row = all.begin(); row != all.end(); row += vocabulary_)
      rows.emplace_back(row, row + vocabulary_);
    return rows;
  }

 private:
  GraphRequest request(const std::vector<Text>& texts) {
    for (const Text& text : texts) longest_ = std::max(longest_, text.size());
    return {"whole", "logits", {{'B', batch_}, {'T', static_cast<std::int64_t>(longest_)}}};
  }

  std::int64_t batch_;
  std::int64_t vocabulary_;
  std::size_t longest_ = 0;
  CompiledModel model_;
  std::vector<std::int32_t> tokens_;
};

struct Case {
  std::uint64_t seed;
  WeightStore store;
};

/// Texts of 1 to `context` tokens.
std::vector<Text> random_texts(Draws& draws, const ModelSource& source) {
  std::vector<Text> texts(static_cast<std::size_t>(draws.one_in(2) ? 1 : draws.integer(2, 5)));
  for (Text& text : texts) {
    text.resize(static_cast<std::size_t>(draws.integer(1, source.context())));
    for (std::int32_t& token : text)
      token = static_cast<std::int32_t>(draws.integer(0, source.config.integer("vocab_size") - 1));
  }
  return texts;
}

/// How far each text goes next: some stay, some take one token, some many.
std::vector<std::size_t> next_lengths(Draws& draws, const std::vector<Text>& texts,
                                      std::vector<std::size_t> lengths) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::int64_t left = std::ssize(texts[i]) - static_cast<std::int64_t>(lengths[i]);
    const std::int64_t most = draws.one_in(3) ? 1 : draws.one_in(2) ? 9 : left;
    if (left > 0 && !draws.one_in(4))
      lengths[i] +=
          static_cast<std::size_t>(draws.integer(1, std::clamp<std::int64_t>(most, 1, left)));
  }
  return lengths;
}

void expect_exact(const Case& test) {
  Draws draws(test.seed * 7 + static_cast<std::uint64_t>(test.store));
  const ModelSource source = random_model(test.seed);
  const std::vector<Text> texts = random_texts(draws, source);
  const auto batch = std::ssize(texts);
  const int threads = static_cast<int>(draws.integer(1, 2));
  Whole whole(source, test.store, 3 - threads, texts);
  CompiledModel model =
      compiled(source, test.store, threads, Decoder::requests(source.context(), batch));
  Decoder decoder(model, source.context(), batch);
  std::vector<std::size_t> lengths(texts.size());
  for (bool done = false; !done;) {
    const std::vector<std::size_t> before = lengths;
    lengths = next_lengths(draws, texts, lengths);
    std::vector<Decoder::Text> parts(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i)
      if (lengths[i] > before[i]) parts[i] = std::span(texts[i]).first(lengths[i]);
    decoder.read(parts);
    const std::vector<Logits> want = whole.behind(lengths);
    done = true;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      done = done && lengths[i] == texts[i].size();
      if (lengths[i] == 0) continue;
      const auto got = decoder.logits(i);
      ASSERT_EQ(Logits(got.begin(), got.end()), want[i])
          << "text " << i << " of " << texts.size() << ", tokens " << before[i] << " to "
          << lengths[i] << ", " << threads << " threads";
    }
  }
}

std::uint64_t number_from(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

class RandomDecoding : public ::testing::TestWithParam<WeightStore> {};

TEST_P(RandomDecoding, IsTheWholeForwardBitForBit) {
  const std::uint64_t first = number_from("GPTC_DECODING_SEED", 1);
  const std::uint64_t count = number_from("GPTC_DECODING_MODELS", 24);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE(fmt::format("GPTC_DECODING_SEED={} GPTC_DECODING_MODELS=1, {}", seed,
                             driver::store_name(GetParam())));
    expect_exact({seed, GetParam()});
  }
}

// The same reader without caches, for models that cannot have them.
TEST_P(RandomDecoding, IsTheSameWithoutCaches) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    const ModelSource source = random_model(seed);
    EXPECT_EQ(driver::why_no_caches(source), std::nullopt);
    Draws draws(seed);
    const std::vector<Text> texts = random_texts(draws, source);
    std::vector<Decoder::Text> views(texts.begin(), texts.end());
    const auto logits = [&](driver::Reading reading) {
      CompiledModel model = compiled(
          source, GetParam(), 2, Decoder::requests(source.context(), std::ssize(texts), reading));
      Decoder decoder(model, source.context(), std::ssize(texts), reading);
      decoder.read(std::vector<Decoder::Text>{views[0].first(1)});
      decoder.read(views);
      Logits all;
      for (std::size_t i = 0; i < texts.size(); ++i)
        all.insert(all.end(), decoder.logits(i).begin(), decoder.logits(i).end());
      return all;
    };
    EXPECT_EQ(logits(driver::Reading::whole), logits(driver::Reading::cached));
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, RandomDecoding,
                         ::testing::Values(WeightStore::f32, WeightStore::bf16, WeightStore::i8,
                                           WeightStore::i4),
                         [](const auto& at) { return std::string(driver::store_name(at.param)); });

}  // namespace
}  // namespace gptc::testing
