// Deterministic values for operands and directions.
#pragma once

#include <random>
#include <string_view>
#include <vector>

#include "backends/reference/host_tensor.h"
#include "tests/support/op_case.h"

namespace gptc::testing {

/// reals: uniform over the operand's range; integers: whole numbers of it, small enough that sums
/// of products stay exact in f32.
enum class Filling : std::uint8_t { reals, integers };

/// Engine and distributions are our own or exactly specified, so values are equal everywhere.
class Random {
 public:
  explicit Random(std::string_view name);
  /// Uniform in [low, high).
  double real(double low, double high);
  std::int64_t integer(std::int64_t low, std::int64_t high);  // both included

 private:
  std::mt19937_64 engine_;
};

/// Elements are exact in the operand's own type.
reference::HostTensor<double> random_tensor(Random& random, const Operand& operand,
                                            Filling filling);

/// Operands a0, a1, … of a case, seeded by its name.
reference::Tensors<double> random_operands(const OpCase& op_case, Filling filling);

/// The same values computed with in another precision.
reference::Tensors<float> as_float(const reference::Tensors<double>& tensors);

}  // namespace gptc::testing
