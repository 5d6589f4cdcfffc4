#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "frontend/formats/safetensors.h"
#include "models/registry.h"
#include "tools/driver/compile.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {
namespace {

constexpr std::int64_t batch = 2;
constexpr std::int64_t time = 24;
constexpr std::int64_t vocabulary = 97;
const std::string folder = GPTC_SOURCE_DIR "/tests/golden/oracle/";

nlohmann::json read_json(const std::string& name) {
  std::ifstream file(folder + name);
  return nlohmann::json::parse(file);
}

std::vector<float> floats(const formats::TensorBytes& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

double norm(std::span<const float> values) {
  double sum = 0;
  for (const float x : values) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(sum);
}

void expect_close(const std::vector<float>& got, const std::vector<float>& wanted,
                  const std::string& name) {
  ASSERT_EQ(got.size(), wanted.size()) << name;
  std::vector<float> difference(got.size());
  for (std::size_t i = 0; i < got.size(); ++i) difference[i] = got[i] - wanted[i];
  EXPECT_LE(norm(difference), 1e-4 * norm(wanted) + 1e-6) << name;
}

ModelSource oracle_model() {
  ModelSource source = find_model(models::shipped_models(), "gpt2");
  const nlohmann::json config = read_json("config.json");
  source.config.set("vocab_size", config.at("vocab_size").get<std::int64_t>());
  source.config.set("context", config.at("n_positions").get<std::int64_t>());
  source.config.set("n_embd", config.at("n_embd").get<std::int64_t>());
  source.config.set("n_head", config.at("n_head").get<std::int64_t>());
  source.config.set("n_layer", config.at("n_layer").get<std::int64_t>());
  return source;
}

std::vector<std::int32_t> flat(const nlohmann::json& rows) {
  std::vector<std::int32_t> values;
  for (const auto& row : rows)
    for (const auto& value : row) values.push_back(value.get<std::int32_t>());
  return values;
}

class Oracle : public ::testing::TestWithParam<std::string> {
 protected:
  Oracle()
      : numbers_(read_json("oracle.json")),
        tensors_(formats::SafetensorsFile::open(folder + "oracle.safetensors")),
        model_(compile()),
        tokens_(flat(numbers_.at("tokens"))),
        targets_(flat(numbers_.at("targets"))) {
    model_.initialise();
    const auto weights = formats::SafetensorsFile::open(folder + "model.safetensors");
    std::size_t read = 0;
    for (const std::string& name : model_.parameters()) {
      const runtime::TensorView view = model_.states().view(name);
      const formats::TensorBytes& tensor = weights.at("transformer." + name);
      EXPECT_EQ(view.type.shape.sizes(), tensor.shape) << name;
      std::memcpy(view.data, tensor.bytes.data(), tensor.bytes.size());
      ++read;
    }
    EXPECT_EQ(read, weights.tensors().size());
  }

  CompiledModel compile() const {
    const nlohmann::json& adamw = numbers_.at("adamw");
    CompileOptions options = {.backend = GetParam(), .threads = 1};
    options.train = {.beta1 = adamw.at("beta1"),
                     .beta2 = adamw.at("beta2"),
                     .eps = adamw.at("eps"),
                     .weight_decay = adamw.at("weight_decay"),
                     .clip = adamw.at("clip")};
    const ModelSource source = oracle_model();
    const passes::DimSizes sizes = {{'B', batch}, {'T', time}};
    std::vector<GraphRequest> requests;
    for (const char* graph : {"train", "micro_step", "apply", "eval", "logits"})
      requests.push_back({graph, graph, sizes});
    return {source.model, source.config, requests, options};
  }

  template <class T>
  static runtime::Binding bind(const std::string& name, ir::DType dtype, ir::Shape shape,
                               T* values) {
    return {name, {{dtype, std::move(shape)}, reinterpret_cast<std::byte*>(values)}};
  }
  std::vector<runtime::Binding> batch_inputs() {
    return {bind("tokens", ir::DType::i32, {batch, time}, tokens_.data()),
            bind("targets", ir::DType::i32, {batch, time}, targets_.data())};
  }
  std::vector<float> gradient(const std::string& name) {
    const std::span<const float> sums = model_.states().view("grad." + name).as<float>();
    const float count = model_.states().view("grad.tokens").as<float>()[0];
    std::vector<float> mean(sums.begin(), sums.end());
    for (float& x : mean) x /= count;
    return mean;
  }
  /// A step by one graph or by two; returns the loss before it and the gradient's norm.
  std::pair<double, double> step(std::int64_t index, bool accumulated) {
    auto lr = numbers_.at("adamw").at("lr").get<float>();
    float loss = 0;
    float grad_norm = 0;
    std::vector<runtime::Binding> inputs = batch_inputs();
    if (accumulated) {
      model_.run("micro_step", inputs, {});
      inputs.clear();
    }
    inputs.push_back(bind("lr", ir::DType::f32, {}, &lr));
    inputs.push_back(bind("step", ir::DType::i64, {}, &index));
    const std::vector<runtime::Binding> outputs = {
        bind("loss", ir::DType::f32, {}, &loss), bind("grad_norm", ir::DType::f32, {}, &grad_norm)};
    model_.run(accumulated ? "apply" : "train", inputs, outputs);
    return {static_cast<double>(loss), static_cast<double>(grad_norm)};
  }
  double mean_loss() {
    float loss = 0;
    float count = 0;
    const std::vector<runtime::Binding> outputs = {bind("loss", ir::DType::f32, {}, &loss),
                                                   bind("tokens", ir::DType::f32, {}, &count)};
    model_.run("eval", batch_inputs(), outputs);
    EXPECT_EQ(count, 47.F);
    return static_cast<double>(loss) / static_cast<double>(count);
  }
  void expect_ten_steps(bool accumulated) {
    for (std::int64_t i = 0; i < 10; ++i) {
      const auto [loss, grad_norm] = step(i, accumulated);
      const auto at = static_cast<std::size_t>(i);
      EXPECT_NEAR(loss, numbers_.at("losses").at(at).get<double>(), 1e-4) << "step " << i;
      EXPECT_NEAR(grad_norm, numbers_.at("grad_norms").at(at).get<double>(), 1e-3) << "step " << i;
    }
    EXPECT_NEAR(mean_loss(), numbers_.at("loss_after").get<double>(), 1e-4);
  }

  nlohmann::json numbers_;
  formats::SafetensorsFile tensors_;
  CompiledModel model_;
  std::vector<std::int32_t> tokens_;
  std::vector<std::int32_t> targets_;
};

TEST_P(Oracle, Logits) {
  std::vector<float> all(static_cast<std::size_t>(batch * time * vocabulary));
  std::vector<float> row(static_cast<std::size_t>(batch * vocabulary));
  for (std::int32_t t = 0; t < time; ++t) {
    std::vector<std::int32_t> last(batch, t);
    const std::vector<runtime::Binding> inputs = {
        bind("tokens", ir::DType::i32, {batch, time}, tokens_.data()),
        bind("last", ir::DType::i32, {batch}, last.data())};
    const std::vector<runtime::Binding> outputs = {
        bind("logits", ir::DType::f32, {batch, vocabulary}, row.data())};
    model_.run("logits", inputs, outputs);
    for (std::int64_t b = 0; b < batch; ++b)
      std::copy_n(row.begin() + b * vocabulary, vocabulary,
                  all.begin() + (b * time + t) * vocabulary);
  }
  expect_close(all, floats(tensors_.at("logits")), "logits");
}

TEST_P(Oracle, Loss) { EXPECT_NEAR(mean_loss(), numbers_.at("loss").get<double>(), 1e-5); }

TEST_P(Oracle, EveryGradient) {
  model_.run("micro_step", batch_inputs(), {});
  EXPECT_EQ(model_.states().view("grad.tokens").as<float>()[0], 47.F);
  for (const std::string& name : model_.parameters())
    expect_close(gradient(name), floats(tensors_.at("grad.transformer." + name)), name);
}

TEST_P(Oracle, TenStepsOfAdamW) { expect_ten_steps(false); }

TEST_P(Oracle, TenStepsOfAdamWByMicroStepAndApply) { expect_ten_steps(true); }

INSTANTIATE_TEST_SUITE_P(Backends, Oracle, ::testing::Values("onednn", "reference"),
                         [](const auto& param_info) { return param_info.param; });

}  // namespace
}  // namespace gptc::driver
