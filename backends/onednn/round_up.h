// The next multiple of a number.
#pragma once

#include <cstddef>

namespace gptc::onednn {

constexpr std::size_t round_up(std::size_t value, std::size_t to) {
  return (value + to - 1) / to * to;
}

}  // namespace gptc::onednn
