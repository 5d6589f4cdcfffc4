// Handles of the DSL: a Tensor is a value in the graph being declared, a Scope names what is
// declared.
#pragma once

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>

#include "ir/module.h"

namespace gptc::dsl {

using ir::Dim;
using ir::DType;
using ir::Init;
using ir::Shape;

class Context;  // the module under construction, frontend/dsl/context.h
using Location = std::source_location;

/// A value of the forward graph. Copying copies the handle.
class Tensor {
 public:
  Tensor(Context& context, ir::Value value) : context_(&context), value_(value) {}

  const Shape& shape() const;
  DType dtype() const;
  std::size_t rank() const { return shape().rank(); }
  /// Counted from the back where negative: dim(-1) is the last axis.
  Dim dim(int axis) const;

  Context& context() const { return *context_; }
  ir::Value value() const { return value_; }

 private:
  Context* context_;
  ir::Value value_;
};

/// An operand of an operator; notes the line of the model where it stands.
struct Operand {
  Operand(const Tensor& x, Location where = Location::current()) : tensor(x), location(where) {}
  Tensor tensor;
  Location location;
};

inline Init zeros() { return {}; }
inline Init constant(double value) { return {Init::Kind::constant, value, 0}; }
inline Init normal(double stddev) { return {Init::Kind::normal, 0, stddev}; }
inline Init uniform(double bound) { return {Init::Kind::uniform, -bound, bound}; }

/// A path such as h.3.attn. Parameters are named by it, and ops made inside remember it.
class Scope {
 public:
  explicit Scope(Context& context, std::string path = "")
      : context_(&context), path_(std::move(path)) {}

  Scope operator/(std::string_view name) const;
  Scope operator/(std::int64_t index) const { return *this / std::to_string(index); }

  /// Declares a trainable parameter `path.name`. Weight decay applies to two or more dimensions.
  Tensor parameter(std::string_view name, const Shape& shape, const Init& init,
                   Location where = Location::current()) const;

  /// Until the guard dies, ops without a scope of their own belong to this one.
  class Guard {
   public:
    Guard(Context& context, std::string path);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Context* context_;
    std::string outer_;
  };
  [[nodiscard]] Guard enter() const { return {*context_, path_}; }

  const std::string& path() const { return path_; }
  Context& context() const { return *context_; }

 private:
  Context* context_;
  std::string path_;
};

}  // namespace gptc::dsl
