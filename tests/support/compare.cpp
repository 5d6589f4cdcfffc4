#include "tests/support/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace gptc::testing {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

/// |got - want| where non-finite values must match.
double error_of(double got, double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : infinite;
  if (got == want) return 0;
  return std::isfinite(got) && std::isfinite(want) ? std::abs(got - want) : infinite;
}

std::string first_difference(std::span<const double> got, std::span<const double> want) {
  std::size_t worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i)
    if (error_of(got[i], want[i]) > error_of(got[worst], want[worst])) worst = i;
  return fmt::format("element {} is {} instead of {}", worst, got[worst], want[worst]);
}

}  // namespace

double nmse(std::span<const double> got, std::span<const double> want) {
  if (got.size() != want.size()) return infinite;
  double error = 0;
  double norm = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += error_of(got[i], want[i]) * error_of(got[i], want[i]);
    if (std::isfinite(want[i])) norm += want[i] * want[i];
  }
  return error == 0 ? 0 : error / norm;
}

double worst_error(std::span<const double> got, std::span<const double> want) {
  if (got.size() != want.size()) return infinite;
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double error = error_of(got[i], want[i]);
    if (error != 0) worst = std::max(worst, std::min(error, error / std::abs(want[i])));
  }
  return worst;
}

bool same_bits(const reference::HostTensor<double>& a, const reference::HostTensor<double>& b) {
  const auto same = [](double x, double y) {
    return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y) ||
           (std::isnan(x) && std::isnan(y));
  };
  return a.type == b.type && a.ints == b.ints &&
         std::equal(a.reals.begin(), a.reals.end(), b.reals.begin(), b.reals.end(), same);
}

std::string degenerate(const reference::HostTensor<double>& tensor, Spread spread) {
  if (spread == Spread::constant || tensor.numel() == 0) return "";
  std::vector<double> values = tensor.reals;
  values.insert(values.end(), tensor.ints.begin(), tensor.ints.end());
  const auto zeros = static_cast<std::size_t>(std::count(values.begin(), values.end(), 0.0));
  if (zeros == values.size()) return fmt::format("all {} elements are 0", values.size());
  if (spread == Spread::sparse) return "";
  if (10 * zeros > 9 * values.size())
    return fmt::format("{} of {} elements are 0", zeros, values.size());
  if (values.size() >= 4 && std::all_of(values.begin(), values.end(),
                                        [&](double value) { return value == values.front(); }))
    return fmt::format("all {} elements are {}", values.size(), values.front());
  return "";
}

std::string difference(const reference::HostTensor<double>& got,
                       const reference::HostTensor<double>& want, double allowed_nmse) {
  if (got.type != want.type)
    return fmt::format("the type is {} instead of {}", got.type.text(), want.type.text());
  if (got.ints != want.ints) {
    const auto at = std::mismatch(want.ints.begin(), want.ints.end(), got.ints.begin());
    return fmt::format("element {} is {} instead of {}", at.first - want.ints.begin(), *at.second,
                       *at.first);
  }
  const double error = nmse(got.reals, want.reals);
  if (error <= allowed_nmse) return "";
  return fmt::format("NMSE {:.3g} exceeds {:.3g}: {}", error, allowed_nmse,
                     first_difference(got.reals, want.reals));
}

}  // namespace gptc::testing
