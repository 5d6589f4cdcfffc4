#include "frontend/formats/dtype.h"

#include <array>

namespace gptc::formats {
namespace {

struct Row {
  DType type;
  std::string_view name;
  int bits;
};

constexpr std::array rows{
    Row{DType::BOOL, "BOOL", 8},       Row{DType::F4, "F4", 4},
    Row{DType::F6_E2M3, "F6_E2M3", 6}, Row{DType::F6_E3M2, "F6_E3M2", 6},
    Row{DType::U8, "U8", 8},           Row{DType::I8, "I8", 8},
    Row{DType::F8_E5M2, "F8_E5M2", 8}, Row{DType::F8_E4M3, "F8_E4M3", 8},
    Row{DType::F8_E8M0, "F8_E8M0", 8}, Row{DType::I16, "I16", 16},
    Row{DType::U16, "U16", 16},        Row{DType::F16, "F16", 16},
    Row{DType::BF16, "BF16", 16},      Row{DType::I32, "I32", 32},
    Row{DType::U32, "U32", 32},        Row{DType::F32, "F32", 32},
    Row{DType::C64, "C64", 64},        Row{DType::F64, "F64", 64},
    Row{DType::I64, "I64", 64},        Row{DType::U64, "U64", 64},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].type != static_cast<DType>(i)) return false;
  return true;
}
static_assert(in_order());

}  // namespace

std::string_view name(DType type) { return rows[static_cast<std::size_t>(type)].name; }

int bits(DType type) { return rows[static_cast<std::size_t>(type)].bits; }

std::optional<DType> dtype_named(std::string_view name) {
  for (const Row& row : rows)
    if (row.name == name) return row.type;
  return std::nullopt;
}

}  // namespace gptc::formats
