// An op case is declared once, as data; modes.h runs it in every mode that applies to it.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/attrs.h"
#include "ir/graph.h"

namespace gptc::testing {

/// "f32[3x5]", "i64[]", "f32[BxT]". InternalError for anything else: the text is a test's own.
ir::Type type_of(std::string_view text);
/// "f32[3x5], f32[3]".
std::vector<ir::Type> types_of(std::string_view text);
std::string text_of(const std::vector<ir::Type>& types);

/// What a gradient rule must give for an operand: a gradient that is somewhere not zero; zeros (or
/// nothing) by definition; nothing by nature (ids, counters).
enum class Gradient : std::uint8_t { flows, zero, none };

/// An operand, filled uniformly from [low, high] (integers: both included).
struct Operand {
  ir::Type type;
  double low = -2;
  double high = 2;
  Gradient gradient = Gradient::flows;
};

inline Operand real(std::string_view type) { return {.type = type_of(type)}; }
inline Operand real(std::string_view type, double low, double high) {
  return {.type = type_of(type), .low = low, .high = high};
}
inline Operand flat(Operand operand) {
  operand.gradient = Gradient::zero;
  return operand;
}
/// Ids from low (negative: some do not count) to high.
inline Operand ids(std::string_view type, std::int64_t low, std::int64_t high) {
  return {type_of(type), static_cast<double>(low), static_cast<double>(high), Gradient::none};
}
/// A counter or step: i64[] of one value.
inline Operand counter(std::int64_t value) {
  return {type_of("i64[]"), static_cast<double>(value), static_cast<double>(value), Gradient::none};
}

/// on_integers: small whole operands give results that f32 holds exactly, so backends must agree
/// bit by bit.
enum class Exact : std::uint8_t { no, on_integers };
/// What results look like; a case whose results say less than this proves nothing and fails.
enum class Spread : std::uint8_t { varied, sparse, constant };

struct OpCase {
  std::string name;  // letters, digits, '_'
  ir::OpKind op;
  std::vector<Operand> operands;
  std::string results;  // types that infer must give
  ir::Attrs attrs = {};
  std::shared_ptr<const ir::Graph> body = nullptr;
  Exact exact = Exact::no;
  Spread spread = Spread::varied;
  double nmse = 1e-7;  // allowed of a backend against the reference in f64
  std::vector<std::uint32_t> gradient_of = {0};  // results that lead to the loss
};

/// Operands or attributes that the op's row must refuse with a UserError that contains `rule`.
struct Rejection {
  std::string name;
  ir::OpKind op;
  std::vector<ir::Type> operands;
  std::string rule;
  ir::Attrs attrs = {};
  std::shared_ptr<const ir::Graph> body = nullptr;
};

void PrintTo(const Rejection& rejection, std::ostream* out);

/// What a check found wrong, one line each; empty: the check holds.
using Failures = std::vector<std::string>;

}  // namespace gptc::testing
