#include "backends/reference/index.h"

namespace gptc::reference {

namespace {

/// Every element of the result is the operand's element at source(index), where there is one.
template <class F, class Source>
void gather(Call<F>& call, const Source& source) {
  HostTensor<F>& out = call.results[0];
  const HostTensor<F>& x = *call.operands[0];
  for_each_index(out.type.shape, [&](std::size_t flat, Index index) {
    if (source(index)) copy_element(x, flat_index(x.type.shape, index), out, flat);
  });
}

std::size_t axis_of(const ir::Attrs& attrs, std::string_view name = "axis") {
  return static_cast<std::size_t>(attrs.integer(name));
}

}  // namespace

template <class F>
void kernel_reshape(Call<F>& call) {
  call.results[0].reals = call.operands[0]->reals;
  call.results[0].ints = call.operands[0]->ints;
}
GPTC_REFERENCE_KERNEL(reshape);

template <class F>
void kernel_transpose(Call<F>& call) {
  const ir::Ints& perm = call.attrs().ints("perm");
  gather(call, [&](Index& index) {
    const Index result = index;
    for (std::size_t i = 0; i < perm.size(); ++i)
      index[static_cast<std::size_t>(perm[i])] = result[i];
    return true;
  });
}
GPTC_REFERENCE_KERNEL(transpose);

template <class F>
void kernel_broadcast(Call<F>& call) {
  const HostTensor<F>& x = *call.operands[0];
  HostTensor<F>& out = call.results[0];
  for_each_index(out.type.shape, [&](std::size_t flat, const Index& index) {
    copy_element(x, broadcast_index(x.type.shape, index), out, flat);
  });
}
GPTC_REFERENCE_KERNEL(broadcast);

template <class F>
void kernel_slice(Call<F>& call) {
  const std::size_t axis = axis_of(call.attrs());
  const std::size_t start = axis_of(call.attrs(), "start");
  gather(call, [&](Index& index) {
    index[axis] += start;
    return true;
  });
}
GPTC_REFERENCE_KERNEL(slice);

template <class F>
void kernel_pad(Call<F>& call) {
  const std::size_t axis = axis_of(call.attrs());
  const std::size_t before = axis_of(call.attrs(), "before");
  const std::size_t size = size_at(call.shape(0), axis);
  gather(call, [&](Index& index) {
    if (index[axis] < before || index[axis] >= before + size) return false;
    index[axis] -= before;
    return true;
  });
}
GPTC_REFERENCE_KERNEL(pad);

template <class F>
void kernel_concat(Call<F>& call) {
  const std::size_t axis = axis_of(call.attrs());
  HostTensor<F>& out = call.results[0];
  std::size_t start = 0;
  for (const HostTensor<F>* part : call.operands) {
    for_each_index(part->type.shape, [&](std::size_t flat, Index index) {
      index[axis] += start;
      copy_element(*part, flat, out, flat_index(out.type.shape, index));
    });
    start += size_at(part->type.shape, axis);
  }
}
GPTC_REFERENCE_KERNEL(concat);

template <class F>
void kernel_shift(Call<F>& call) {
  const std::size_t axis = axis_of(call.attrs());
  const std::int64_t by = call.attrs().integer("by");
  const auto size = static_cast<std::int64_t>(size_at(call.shape(0), axis));
  gather(call, [&](Index& index) {
    const std::int64_t from = static_cast<std::int64_t>(index[axis]) - by;
    if (from < 0 || from >= size) return false;
    index[axis] = static_cast<std::size_t>(from);
    return true;
  });
}
GPTC_REFERENCE_KERNEL(shift);

template <class F>
void kernel_select(Call<F>& call) {
  gather(call, [&](Index& index) {
    const std::size_t row = checked_id(call.node, call.ints(1)[index[0]], NegativeIds::rejected,
                                       size_at(call.shape(0), 1), index[0]);
    index.insert(index.begin() + 1, row);
    return true;
  });
}
GPTC_REFERENCE_KERNEL(select);

}  // namespace gptc::reference
