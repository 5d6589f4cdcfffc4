// Matrices turned and streamed: every size up to more than a block, every place.
#include "backends/onednn/turn.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace gptc::onednn {
namespace {

constexpr float untouched = -1;

TEST(Turn, IsATranspositionOfAnySize) {
  constexpr std::size_t most = 19;
  std::vector<float> from(most * (most + 3));
  std::iota(from.begin(), from.end(), 0.F);
  for (std::size_t rows = 0; rows <= most; ++rows) {
    for (std::size_t columns = 0; columns <= most; ++columns) {
      const std::size_t from_stride = columns + 3;
      const std::size_t to_stride = rows + 1;
      std::vector<float> to(columns * to_stride + 1, untouched);
      turn(from.data(), from_stride, rows, columns, to.data(), to_stride);
      for (std::size_t j = 0; j < columns; ++j) {
        for (std::size_t i = 0; i < rows; ++i)
          ASSERT_EQ(to[j * to_stride + i], from[i * from_stride + j]) << rows << 'x' << columns;
        ASSERT_EQ(to[j * to_stride + rows], untouched) << "behind a row";
      }
    }
  }
}

TEST(Stream, CopiesToAnyPlace) {
  std::vector<float> from(70);
  std::iota(from.begin(), from.end(), 0.F);
  for (std::size_t place = 0; place < 17; ++place) {
    for (std::size_t count = 0; count <= 48; ++count) {
      std::vector<float> to(place + count + 1, untouched);
      stream(std::span<const float>(from).first(count), to.data() + place);
      finish_streaming();
      for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(to[place + i], from[i]) << count;
      if (place > 0) {
        ASSERT_EQ(to[place - 1], untouched);
      }
      ASSERT_EQ(to.back(), untouched);
    }
  }
}

}  // namespace
}  // namespace gptc::onednn
