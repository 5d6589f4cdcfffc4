#include "frontend/dsl/tensor.h"

#include <algorithm>
#include <utility>

#include "frontend/dsl/context.h"
#include "ir/check.h"

namespace gptc::dsl {

const Shape& Tensor::shape() const { return context_->type(value_).shape; }
DType Tensor::dtype() const { return context_->type(value_).dtype; }

Dim Tensor::dim(int axis) const {
  const int count = static_cast<int>(rank());
  const int at = axis < 0 ? axis + count : axis;
  ir::user_check(at >= 0 && at < count, "dim: the axis must exist in [{}], but got {}",
                 shape().text(), axis);
  return shape()[static_cast<std::size_t>(at)];
}

Scope Scope::operator/(std::string_view name) const {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  ir::user_check(!name.empty() && std::all_of(name.begin(), name.end(), allowed),
                 "scope {}: a name must be letters, digits and _, but got '{}'", path_, name);
  return Scope(*context_, path_.empty() ? std::string(name) : path_ + "." + std::string(name));
}

Tensor Scope::parameter(std::string_view name, const Shape& shape, const Init& init,
                        Location where) const {
  const Scope full = *this / name;
  const Guard inside = enter();
  return context_->parameter(full.path(), {DType::f32, shape}, init, where);
}

Scope::Guard::Guard(Context& context, std::string path)
    : context_(&context), outer_(std::exchange(context.scope(), std::move(path))) {}
Scope::Guard::~Guard() { context_->scope() = std::move(outer_); }

}  // namespace gptc::dsl
