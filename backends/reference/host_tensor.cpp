#include "backends/reference/host_tensor.h"

#include "ir/check.h"

namespace gptc::reference {

namespace {

/// Calls with each element's own type; bf16 comes as its bits.
template <class Visit>
void visit_elements(const runtime::TensorView& view, const Visit& visit) {
  using ir::DType;
  switch (view.type.dtype) {
    case DType::f64:
      return visit(view.as<double>());
    case DType::f32:
      return visit(view.as<float>());
    case DType::bf16:
      return visit(view.as<std::uint16_t>());
    case DType::i64:
      return visit(view.as<std::int64_t>());
    case DType::i32:
      return visit(view.as<std::int32_t>());
    case DType::i8:
      return visit(view.as<std::int8_t>());
  }
  ir::internal_error("reference: element type of {} is unknown", view.type.text());
}

}  // namespace

template <class F>
HostTensor<F>::HostTensor(ir::Type of) : type(std::move(of)) {
  const auto count = static_cast<std::size_t>(type.shape.numel());
  if (is_real())
    reals.assign(count, F(0));
  else
    ints.assign(count, 0);
}

template <class F>
void round_to_type(HostTensor<F>& tensor) {
  if (tensor.type.dtype != ir::DType::bf16) return;
  for (F& value : tensor.reals)
    value = runtime::bf16_to_f32(runtime::f32_to_bf16(static_cast<float>(value)));
}

template <class F>
HostTensor<F> load(const runtime::TensorView& view) {
  HostTensor<F> tensor(view.type);
  visit_elements(view, [&]<class T>(std::span<T> from) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      if constexpr (std::is_same_v<T, std::uint16_t>)
        tensor.reals[i] = runtime::bf16_to_f32(from[i]);
      else if constexpr (std::is_floating_point_v<T>)
        tensor.reals[i] = static_cast<F>(from[i]);
      else
        tensor.ints[i] = from[i];  // NOLINT(bugprone-signed-char-misuse): an i8 is a number
    }
  });
  return tensor;
}

template <class F>
void store(const HostTensor<F>& tensor, const runtime::TensorView& view) {
  ir::internal_check(tensor.type == view.type, "reference: {} stored as {}", tensor.type.text(),
                     view.type.text());
  visit_elements(view, [&]<class T>(std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      if constexpr (std::is_same_v<T, std::uint16_t>)
        to[i] = runtime::f32_to_bf16(static_cast<float>(tensor.reals[i]));
      else if constexpr (std::is_floating_point_v<T>)
        to[i] = static_cast<T>(tensor.reals[i]);
      else
        to[i] = static_cast<T>(tensor.ints[i]);
    }
  });
}

template struct HostTensor<double>;
template struct HostTensor<float>;
template void round_to_type(HostTensor<double>&);
template void round_to_type(HostTensor<float>&);
template HostTensor<double> load(const runtime::TensorView&);
template HostTensor<float> load(const runtime::TensorView&);
template void store(const HostTensor<double>&, const runtime::TensorView&);
template void store(const HostTensor<float>&, const runtime::TensorView&);

}  // namespace gptc::reference
