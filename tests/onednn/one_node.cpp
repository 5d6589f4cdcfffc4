#include "tests/onednn/one_node.h"

#include <cmath>
#include <random>

#include "backends/onednn/threads.h"
#include "ir/builder.h"
#include "ir/check.h"

namespace gptc::testing {

OneNode::OneNode(ir::OpKind kind, const std::vector<ir::Type>& operands, ir::Attrs attrs,
                 const Options& options) {
  std::vector<ir::Value> values;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    operands_.emplace_back(operands[i]);
    values.push_back(graph_.add_input("a" + std::to_string(i), operands[i]));
  }
  node_ = ir::Builder(graph_).node(kind, values, std::move(attrs), options.body);
  const ir::Node& node = graph_[node_];
  const onednn::KernelRow* row = onednn::find_kernel(kind);
  ir::internal_check(row != nullptr, "there is no kernel");
  const onednn::ThreadScope scope(options.threads);
  onednn::KernelArgs args{
      .operands = {}, .results = {}, .workspace = nullptr, .threads = options.threads};
  for (runtime::Tensor& operand : operands_) args.operands.push_back(operand.view().data);
  for (const ir::Type& type : node.results) {
    owned_.emplace_back(type.bytes());
    results_.push_back(owned_.back().data());
  }
  if (options.in_place >= 0)
    results_[0] = args.operands[static_cast<std::size_t>(options.in_place)];
  args.results = results_;
  const std::int64_t bytes =
      row->workspace == nullptr ? 0 : row->workspace(graph_, node, options.threads);
  workspace_ = runtime::Memory(bytes);
  args.workspace = workspace_.data();
  kernel_ = row->create(graph_, node, args);
}

std::size_t OneNode::node_elements(std::size_t i) const {
  return static_cast<std::size_t>(graph_[node_].results[i].shape.numel());
}

void OneNode::fill(std::size_t i, unsigned seed, float scale) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  if (operands_[i].type().dtype == ir::DType::bf16) {
    for (std::uint16_t& value : operand<std::uint16_t>(i))
      value = runtime::f32_to_bf16(uniform(random));
    return;
  }
  for (float& value : operand(i)) value = uniform(random);
}

}  // namespace gptc::testing
