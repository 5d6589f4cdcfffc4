// The module under construction. Models see it only through Tensor and Scope.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "frontend/dsl/tensor.h"
#include "ir/builder.h"

namespace gptc::dsl {

class Context {
 public:
  /// `seed` enters every rng_key.
  Context(std::string module_name, std::uint64_t seed);

  Tensor input(const std::string& name, const ir::Type& type);
  Tensor parameter(const std::string& name, ir::Type type, const Init& init, const Location& where);
  void output(const std::string& name, const Tensor& tensor);

  /// The first result of a new op at this line, in the current scope.
  Tensor op(ir::OpKind kind, const std::vector<Tensor>& operands, ir::Attrs attrs,
            const Location& where);
  Tensor constant(double value, DType dtype, const Location& where);
  /// An attribute rng_key: hash of seed, scope, op and its ordinal within the scope.
  std::uint64_t random_key(std::string_view op);
  /// The input %micro_batch, declared when first asked for.
  Tensor micro_batch();

  const ir::Type& type(ir::Value value) const { return graph_.type(value); }
  std::string& scope() { return scope_; }
  /// `at file:line (scope)` for errors the layers find themselves.
  std::string place(const Location& where) const;

  /// Ends the declaration.
  ir::Module finish() &&;

 private:
  ir::Module module_;
  ir::Graph graph_;
  ir::Builder builder_;
  std::string scope_;
  std::uint64_t seed_;
  std::map<std::string, std::uint64_t> ordinals_;
  std::optional<ir::Value> micro_batch_;
};

}  // namespace gptc::dsl
