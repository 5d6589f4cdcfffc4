// Comparing numbers, and refusing comparisons that prove nothing.
#pragma once

#include <span>
#include <string>

#include "backends/reference/host_tensor.h"
#include "tests/support/op_case.h"

namespace gptc::testing {

/// Normalised mean square error Σ(got - want)² / Σ want². Equal infinities and NaN for NaN are no
/// error; a non-finite number that is not wanted is an infinite one. 0/0 is 0.
double nmse(std::span<const double> got, std::span<const double> want);

/// The largest over elements of min(|got - want|, |got - want| / |want|).
double worst_error(std::span<const double> got, std::span<const double> want);

/// Same type and the same values bit by bit (-0 differs from 0, NaN equals NaN).
bool same_bits(const reference::HostTensor<double>& a, const reference::HostTensor<double>& b);

/// Why values prove nothing ("all 12 elements are 0"), or "". varied: at least a tenth is not zero
/// and, from 4 elements, not all are equal; sparse: one is not zero.
std::string degenerate(const reference::HostTensor<double>& tensor, Spread spread);

/// As for nmse, and integers must be equal. "" or what differs, with the first element that does.
std::string difference(const reference::HostTensor<double>& got,
                       const reference::HostTensor<double>& want, double allowed_nmse);

}  // namespace gptc::testing
