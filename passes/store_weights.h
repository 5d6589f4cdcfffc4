// Weights in fewer bytes, for graphs that only read them.
#pragma once

#include <string>
#include <vector>

#include "ir/module.h"

namespace gptc::passes {

/// What matrices of weights are stored as. i8: whole numbers, one scale per output channel. i4:
/// half a byte each, one scale per 32 values of a channel.
enum class WeightStore : std::uint8_t { f32, bf16, i8, i4 };

/// Whether a state `scale_name` stands beside each matrix.
constexpr bool has_scales(WeightStore store) {
  return store == WeightStore::i8 || store == WeightStore::i4;
}

/// A parameter as it was declared, and what became of it.
struct StoredWeight {
  std::string name;
  ir::Type declared;
  WeightStore store = WeightStore::f32;
  /// Output channels were the columns of the declared matrix (x · w) and are rows now (x · wᵀ).
  bool transposed = false;
};

/// "h.0.attn.c_attn.weight.scale": f32, of the state of that name without the ending.
std::string scale_name(const std::string& parameter);

/// Changes the module's parameters and the graph `forward`, which then reads them in their new
/// form: before any graph is derived, and only where none trains. A matrix that matmuls alone read
/// lies channel by channel, so that few rows meet it at the speed of memory. bf16: every parameter
/// of two axes or more. i8 and i4: those that matmuls read, and look-ups of rows beside; the rest
/// stays f32, in i4 also what has no multiple of 32 values a channel. Returns the parameters that
/// changed; they begin as zeros, as they are read from somewhere.
std::vector<StoredWeight> store_weights(ir::Module& module, WeightStore store);

}  // namespace gptc::passes
