#include "frontend/dsl/context.h"

#include <algorithm>
#include <utility>

#include "ir/check.h"

namespace gptc::dsl {
namespace {

ir::Origin origin(const std::string& scope, const Location& where) {
  return {scope, where.file_name(), static_cast<int>(where.line())};
}

}  // namespace

Context::Context(std::string module_name, std::uint64_t seed)
    : module_(std::move(module_name)), graph_("forward"), builder_(graph_), seed_(seed) {}

Tensor Context::input(const std::string& name, const ir::Type& type) {
  return {*this, graph_.add_input(name, type)};
}

Tensor Context::parameter(const std::string& name, ir::Type type, const Init& init,
                          const Location& where) {
  const bool matrix = type.shape.rank() >= 2;
  for (const Dim& dim : type.shape) {
    ir::user_check(!dim.is_named() && dim.size() > 0,
                   "parameter {}: every size must be a positive number, but got [{}] {}", name,
                   type.shape.text(), place(where));
  }
  const ir::Value value = graph_.state(name, type);
  module_.add_state({.name = name,
                     .type = std::move(type),
                     .init = init,
                     .train = true,
                     .decay = matrix,
                     .origin = origin(scope_, where)});
  return {*this, value};
}

void Context::output(const std::string& name, const Tensor& tensor) {
  graph_.outputs().push_back({name, tensor.value()});
}

Tensor Context::op(ir::OpKind kind, const std::vector<Tensor>& operands, ir::Attrs attrs,
                   const Location& where) {
  std::vector<ir::Value> values;
  values.reserve(operands.size());
  for (const Tensor& operand : operands) values.push_back(operand.value());
  builder_.set_origin(origin(scope_, where));
  return {*this, builder_.op(kind, std::move(values), std::move(attrs))};
}

Tensor Context::constant(double value, DType dtype, const Location& where) {
  builder_.set_origin(origin(scope_, where));
  return {*this, builder_.scalar(value, dtype)};
}

std::uint64_t Context::random_key(std::string_view op) {
  const std::string id = fmt::format("{}:{}", scope_, op);
  return ir::stable_hash(fmt::format("{}:{}", id, ordinals_[id]++), seed_);
}

Tensor Context::micro_batch() {
  if (!micro_batch_) micro_batch_ = graph_.add_input("micro_batch", {DType::i64, {}});
  return {*this, *micro_batch_};
}

std::string Context::place(const Location& where) const {
  return fmt::format("at {}:{} ({})", where.file_name(), where.line(),
                     scope_.empty() ? "top level" : scope_);
}

ir::Module Context::finish() && {
  graph_.compact();
  module_.add_graph(std::move(graph_));
  return std::move(module_);
}

}  // namespace gptc::dsl
