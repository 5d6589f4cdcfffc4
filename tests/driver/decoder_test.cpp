// Logits by way of the caches: the same whatever way a text was read, and beside whatever else.
#include "tools/driver/decoder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/driver/tiny_model.h"
#include "tools/driver/weight_store.h"

namespace gptc::driver {
namespace {

using testing::tiny_model;
using testing::tiny_text;
using testing::tiny_vocabulary;
using Logits = std::vector<float>;

constexpr std::int64_t context = 80;

struct Form {
  std::string name;
  passes::WeightStore weights;
  ir::DType dtype = ir::DType::f32;
};

class DecoderTest : public ::testing::TestWithParam<Form> {
 protected:
  static ModelSource source() {
    ModelSource made = tiny_model();
    made.config.set("context", context);
    return made;
  }
  static CompiledModel model(const std::vector<GraphRequest>& requests, int threads = 2,
                             bool exact = false) {
    const ModelSource made = source();
    const CompileOptions options = {.threads = threads,
                                    .seed = 3,
                                    .dtype = GetParam().dtype,
                                    .exact = exact,
                                    .weights = GetParam().weights};
    CompiledModel compiled(made.model, made.config, requests, options);
    store_initial_parameters(compiled, made, options);
    return compiled;
  }
  static Logits read(Decoder& decoder, std::span<const std::int32_t> text, std::size_t row = 0) {
    std::vector<Decoder::Text> texts(static_cast<std::size_t>(decoder.batch()));
    texts[row] = text;
    decoder.read(texts);
    const auto logits = decoder.logits(row);
    return {logits.begin(), logits.end()};
  }
  static Logits whole(std::span<const std::int32_t> text, bool exact = false) {
    const auto length = static_cast<std::int64_t>(text.size());
    CompiledModel compiled = model({{"whole", "logits", {{'B', 1}, {'T', length}}}}, 2, exact);
    std::vector<std::int32_t> tokens(text.begin(), text.end());
    std::vector<std::int32_t> last = {static_cast<std::int32_t>(length - 1)};
    Logits logits(tiny_vocabulary);
    const auto view = [](auto& values, ir::DType dtype, ir::Shape shape) {
      return runtime::TensorView{{dtype, std::move(shape)},
                                 reinterpret_cast<std::byte*>(values.data())};
    };
    const std::vector<runtime::Binding> inputs = {
        {"tokens", view(tokens, ir::DType::i32, {1, length})},
        {"last", view(last, ir::DType::i32, {1})}};
    const std::vector<runtime::Binding> outputs = {
        {"logits", view(logits, ir::DType::f32, {1, tiny_vocabulary})}};
    compiled.run("whole", inputs, outputs);
    return logits;
  }
  static void expect_near(const Logits& got, const Logits& want) {
    const double tolerance = GetParam().dtype == ir::DType::bf16 ? 0.02 : 1e-4;
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << i;
  }
};

TEST_P(DecoderTest, GivesTheLogitsOfTheWholeText) {
  const std::vector<std::int32_t> text = tiny_text(75);
  CompiledModel compiled = model(Decoder::requests(context));
  Decoder decoder(compiled, context);
  for (const std::size_t length : {1U, 2U, 16U, 17U, 40U, 75U}) {
    decoder.forget();
    const std::span part = std::span(text).first(length);
    expect_near(read(decoder, part), whole(part));
  }
}

// One token a step, whatever the batch, the row and the threads: the same bits.
TEST_P(DecoderTest, StepsHaveTheSameBitsInAnyBatchAndWithAnyThreads) {
  const std::vector<std::int32_t> text = tiny_text(40);
  const auto by_ones = [&](std::int64_t batch, std::size_t row, int threads) {
    CompiledModel compiled = model(Decoder::requests(context, batch), threads);
    Decoder decoder(compiled, context, batch);
    Logits logits;
    for (std::size_t length = 1; length <= text.size(); ++length)
      logits = read(decoder, std::span(text).first(length), row);
    return logits;
  };
  const Logits alone = by_ones(1, 0, 1);
  EXPECT_EQ(by_ones(1, 0, 2), alone);
  EXPECT_EQ(by_ones(3, 1, 2), alone);
  EXPECT_EQ(by_ones(16, 15, 2), alone);
}

TEST_P(DecoderTest, ExactlyTheSameHoweverTheTextIsCut) {
  const std::vector<std::int32_t> text = tiny_text(75);
  const Logits want = whole(text, true);
  for (const std::size_t cut : {1U, 3U, 16U, 20U, 64U, 74U, 75U}) {
    for (const std::int64_t batch : {1, 3}) {
      CompiledModel compiled = model(Decoder::requests(context, batch), 2, true);
      Decoder decoder(compiled, context, batch);
      for (std::size_t length = cut; length < text.size(); length += cut)
        read(decoder, std::span(text).first(length));
      EXPECT_EQ(read(decoder, text), want) << cut;
    }
  }
}

TEST_P(DecoderTest, RaggedTextsInABatchStayApart) {
  const std::vector<std::int32_t> text = tiny_text(70);
  CompiledModel compiled = model(Decoder::requests(context, 3));
  Decoder decoder(compiled, context, 3);
  const std::span all(text);
  const std::vector<Decoder::Text> texts = {all.first(5), all.subspan(3, 60), all.first(20)};
  decoder.read(texts);
  for (std::size_t row = 0; row < texts.size(); ++row) {
    const auto logits = decoder.logits(row);
    expect_near({logits.begin(), logits.end()}, whole(texts[row]));
  }
}

TEST_P(DecoderTest, ReadsOnlyWhatIsNew) {
  const std::vector<std::int32_t> text = tiny_text(30);
  CompiledModel compiled = model(Decoder::requests(context), 2, true);
  Decoder decoder(compiled, context);
  const Logits once = read(decoder, text);
  EXPECT_EQ(read(decoder, text), once);  // its last token again
  std::vector<std::int32_t> other = text;
  other[12] = 60;
  EXPECT_EQ(read(decoder, other), whole(other, true));
  EXPECT_EQ(read(decoder, std::span(other).first(10)), whole(std::span(other).first(10), true));
}

// Texts of many lengths get graphs of their own, of which some are forgotten again.
TEST_P(DecoderTest, GraphsThatFitATextGiveTheSame) {
  const std::vector<std::int32_t> text = tiny_text(60);
  CompiledModel compiled = model(Decoder::requests(context), 2, true);
  const std::int64_t asked = compiled.planned_bytes();
  Decoder decoder(compiled, context);
  for (const std::size_t length : {20UL, 28UL, 36UL, 44UL, 52UL, 60UL, 20UL}) {
    decoder.forget();
    const std::span<const std::int32_t> part = std::span(text).first(length);
    EXPECT_EQ(read(decoder, part), whole(part, true)) << length;
  }
  EXPECT_EQ(compiled.planned_bytes(), asked) << "they need no more than what was planned";
}

std::vector<Form> forms() {
  return {{"f32", passes::WeightStore::f32},
          {"bf16", passes::WeightStore::bf16, ir::DType::bf16},
          {"i8", passes::WeightStore::i8},
          {"i4", passes::WeightStore::i4}};
}

// A graph that is lowered late may need a larger arena, where all kernels are built anew.
TEST_P(DecoderTest, GraphsThatWaitedChangeNothing) {
  std::vector<GraphRequest> requests = Decoder::requests(context);
  CompiledModel late = model(requests);
  for (GraphRequest& request : requests) request.on_first_use = false;
  CompiledModel early = model(requests);
  int nodes = 0;
  late.profile("decode", [&](ir::NodeId, double) { ++nodes; });
  Decoder first(late, context);
  Decoder second(early, context);
  const std::vector<std::int32_t> text = tiny_text(70);
  for (const std::size_t length : {1UL, 64UL, 1UL}) {
    const std::span<const std::int32_t> part = std::span(text).first(length);
    const int before = nodes;
    EXPECT_EQ(read(first, part), read(second, part));
    EXPECT_EQ(nodes > before, length == 1) << "profiled decoding";
    first.forget();
    second.forget();
  }
  EXPECT_EQ(late.planned_bytes(), early.planned_bytes());
}

INSTANTIATE_TEST_SUITE_P(Forms, DecoderTest, ::testing::ValuesIn(forms()),
                         [](const auto& at) { return at.param.name; });

}  // namespace
}  // namespace gptc::driver
