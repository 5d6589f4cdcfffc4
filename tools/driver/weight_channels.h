// The matrix of a parameter as channels of K values, whichever way it was declared.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "backends/onednn/turn.h"
#include "passes/store_weights.h"
#include "tools/driver/weight_store.h"

namespace gptc::driver {

/// Values that are visited together, and share a scale in i4.
inline constexpr std::size_t channel_group = 32;

/// Rows of a matrix as it was declared.
struct Rows {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Some rows of a parameter. Where channels are its rows, they are whole channels; where channels
/// are its columns, a multiple of `channel_group` values of every channel, but for the last.
class Channels {
 public:
  Channels(const passes::StoredWeight& weight, const ParameterReader& read)
      : transposed_(weight.transposed), read_(read) {
    const ir::Shape& shape = weight.declared.shape;
    rows_.end = static_cast<std::size_t>(shape[0].size());
    columns_ = static_cast<std::size_t>(shape.numel()) / rows_.end;
    count_ = transposed_ ? columns_ : rows_.end;
    size_ = transposed_ ? rows_.end : columns_;
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t size() const { return size_; }  // K

  /// The same parameter in parts of about `elements` elements.
  [[nodiscard]] std::vector<Channels> parts(std::size_t elements) const {
    const std::size_t wanted = std::max<std::size_t>(1, elements / columns_);
    const std::size_t step =
        transposed_ ? (wanted + channel_group - 1) / channel_group * channel_group : wanted;
    std::vector<Channels> all;
    for (std::size_t row = rows_.begin; row < rows_.end; row += step) {
      all.push_back(*this);
      all.back().rows_ = {row, std::min(row + step, rows_.end)};
    }
    return all;
  }

  /// visit(channel, first, values): values `first`, `first` + 1, … of a channel; a whole channel,
  /// or up to `channel_group` values from a multiple of it.
  template <class Visit>
  void visit(const Visit& visit) const {
    transposed_ ? visit_columns(visit) : visit_rows(visit);
  }

 private:
  static constexpr std::size_t tile = 16;                       // channels that are turned together
  static constexpr std::size_t at_once = std::size_t{1} << 16;  // elements read by visit_rows
  using Tile = std::array<std::array<float, channel_group>, tile>;

  template <class Visit>
  void visit_rows(const Visit& visit) const {
    const std::size_t step = std::max<std::size_t>(1, at_once / columns_);
    std::vector<float> buffer(std::min(step, rows_.end - rows_.begin) * columns_);
    for (std::size_t row = rows_.begin; row < rows_.end; row += step) {
      const std::size_t height = std::min(step, rows_.end - row);
      const std::span<float> values = std::span(buffer).first(height * columns_);
      read_(row * columns_, values);
      for (std::size_t i = 0; i < height; ++i)
        visit(row + i, std::size_t{0},
              std::span<const float>(values).subspan(i * columns_, columns_));
    }
  }

  template <class Visit>
  void visit_columns(const Visit& visit) const {
    std::vector<float> buffer(std::min(channel_group, rows_.end - rows_.begin) * columns_);
    Tile turned;
    for (std::size_t row = rows_.begin; row < rows_.end; row += channel_group) {
      const std::size_t height = std::min(channel_group, rows_.end - row);
      const std::span<float> values = std::span(buffer).first(height * columns_);
      read_(row * columns_, values);
      for (std::size_t column = 0; column < columns_; column += tile) {
        const std::size_t width = std::min(tile, columns_ - column);
        onednn::turn(values.data() + column, columns_, height, width, turned.front().data(),
                     channel_group);
        for (std::size_t i = 0; i < width; ++i)
          visit(column + i, row, std::span<const float>(turned[i]).first(height));
      }
    }
  }

  bool transposed_;
  ParameterReader read_;
  Rows rows_;
  std::size_t columns_ = 0;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

}  // namespace gptc::driver
