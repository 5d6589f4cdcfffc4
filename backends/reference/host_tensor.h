// The reference's tensors: reals in F (double or float) whatever the float type says, integers as
// 64 bits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "backends/runtime/tensor.h"
#include "ir/type.h"

namespace gptc::reference {

/// F is double or float. Exactly one of the vectors is used; it has type.shape.numel() elements.
template <class F>
struct HostTensor {
  ir::Type type;
  std::vector<F> reals;
  std::vector<std::int64_t> ints;

  HostTensor() = default;
  explicit HostTensor(ir::Type of);  // zeros

  bool is_real() const { return ir::is_float(type.dtype); }
  std::size_t numel() const { return is_real() ? reals.size() : ints.size(); }
};

template <class F>
using Tensors = std::map<std::string, HostTensor<F>>;

/// Rounds reals to what a bf16 can hold (nearest even); other types are computed in F and kept.
template <class F>
void round_to_type(HostTensor<F>& tensor);

/// Copies and converts; the other direction rounds to the view's type. InternalError if the types
/// differ.
template <class F>
HostTensor<F> load(const runtime::TensorView& view);
template <class F>
void store(const HostTensor<F>& tensor, const runtime::TensorView& view);

}  // namespace gptc::reference
