#include "tests/support/random_values.h"

#include <algorithm>
#include <cmath>

#include "ir/builder.h"

namespace gptc::testing {

Random::Random(std::string_view name) : engine_(ir::stable_hash(name)) {}

double Random::real(double low, double high) {
  return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53;
}

std::int64_t Random::integer(std::int64_t low, std::int64_t high) {
  const auto count = static_cast<std::uint64_t>(high - low) + 1;
  return low + static_cast<std::int64_t>(engine_() % count);
}

namespace {

double small_integer(Random& random, std::int64_t low, std::int64_t high) {
  return static_cast<double>(
      random.integer(std::max<std::int64_t>(low, -4), std::min<std::int64_t>(high, 4)));
}

}  // namespace

reference::HostTensor<double> random_tensor(Random& random, const Operand& operand,
                                            Filling filling) {
  reference::HostTensor<double> tensor(operand.type);
  const auto low = static_cast<std::int64_t>(std::ceil(operand.low));
  const auto high = static_cast<std::int64_t>(std::floor(operand.high));
  for (std::int64_t& value : tensor.ints) value = random.integer(low, high);
  for (double& value : tensor.reals)
    value = filling == Filling::integers
                ? small_integer(random, low, high)
                : static_cast<double>(static_cast<float>(random.real(operand.low, operand.high)));
  // A lone 0 would hide whatever it is multiplied with.
  if (tensor.reals.size() == 1 && tensor.reals[0] == 0) tensor.reals[0] = static_cast<double>(high);
  reference::round_to_type(tensor);
  return tensor;
}

reference::Tensors<double> random_operands(const OpCase& op_case, Filling filling) {
  Random random(op_case.name);
  reference::Tensors<double> operands;
  for (std::size_t i = 0; i < op_case.operands.size(); ++i)
    operands.emplace("a" + std::to_string(i), random_tensor(random, op_case.operands[i], filling));
  return operands;
}

reference::Tensors<float> as_float(const reference::Tensors<double>& tensors) {
  reference::Tensors<float> result;
  for (const auto& [name, tensor] : tensors) {
    reference::HostTensor<float> narrow(tensor.type);
    narrow.ints = tensor.ints;
    std::transform(tensor.reals.begin(), tensor.reals.end(), narrow.reals.begin(),
                   [](double value) { return static_cast<float>(value); });
    result.emplace(name, std::move(narrow));
  }
  return result;
}

}  // namespace gptc::testing
