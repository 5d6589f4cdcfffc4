#include "tools/driver/weight_store.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ir/check.h"

namespace gptc::driver {
namespace {

constexpr std::size_t group = 32;  // values with one scale, in i4
using Group = std::array<float, group>;

/// A matrix as channels of K values, read in blocks of up to 32 values of each channel, whichever
/// way it was declared.
class Channels {
 public:
  Channels(const passes::StoredWeight& weight, const ParameterReader& read)
      : transposed_(weight.transposed), read_(read) {
    const ir::Shape& shape = weight.declared.shape;
    const auto rows = static_cast<std::size_t>(shape[0].size());
    const auto columns = static_cast<std::size_t>(shape.numel()) / rows;
    count_ = transposed_ ? columns : rows;
    size_ = transposed_ ? rows : columns;
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t size() const { return size_; }  // K

  /// visit(channel, first, values) for every block.
  template <class Visit>
  void visit(const Visit& visit) {
    if (transposed_) return visit_columns(visit);
    buffer_.resize(size_);
    for (std::size_t channel = 0; channel < count_; ++channel) {
      read_(channel * size_, buffer_);
      for (std::size_t first = 0; first < size_; first += group)
        visit(channel, first,
              std::span<const float>(buffer_).subspan(first, std::min(group, size_ - first)));
    }
  }

 private:
  template <class Visit>
  void visit_columns(const Visit& visit) {
    for (std::size_t first = 0; first < size_; first += group) {
      const std::size_t height = std::min(group, size_ - first);
      buffer_.resize(height * count_);
      read_(first * count_, buffer_);
      Group values;
      for (std::size_t channel = 0; channel < count_; ++channel) {
        for (std::size_t i = 0; i < height; ++i) values[i] = buffer_[i * count_ + channel];
        visit(channel, first, std::span<const float>(values).first(height));
      }
    }
  }

  bool transposed_;
  const ParameterReader& read_;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
  std::vector<float> buffer_;
};

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

void store_floats(Channels& channels, std::span<float> to) {
  channels.visit([&](std::size_t channel, std::size_t first, std::span<const float> values) {
    std::ranges::copy(values,
                      to.begin() + static_cast<std::ptrdiff_t>(channel * channels.size() + first));
  });
}

void store_bf16(Channels& channels, std::span<std::uint16_t> to) {
  channels.visit([&](std::size_t channel, std::size_t first, std::span<const float> values) {
    std::uint16_t* out = to.data() + channel * channels.size() + first;
    for (const float value : values) *out++ = runtime::f32_to_bf16(value);
  });
}

void store_i8(Channels& channels, std::span<std::int8_t> to, std::span<float> scales) {
  constexpr float most = 127;
  std::ranges::fill(scales, 0.F);
  channels.visit([&](std::size_t channel, std::size_t, std::span<const float> values) {
    scales[channel] = std::max(scales[channel], largest_of(values) / most);
  });
  channels.visit([&](std::size_t channel, std::size_t first, std::span<const float> values) {
    std::int8_t* out = to.data() + channel * channels.size() + first;
    const float up = scales[channel] > 0 ? 1 / scales[channel] : 0;
    for (const float value : values)
      *out++ = static_cast<std::int8_t>(std::clamp(std::nearbyint(value * up), -most, most));
  });
}

/// Whole numbers from -8 to 7 for a scale, and their squared error.
float round_group(std::span<const float> values, float scale, std::array<int, group>& numbers) {
  const float up = scale != 0 ? 1 / scale : 0;
  float error = 0;
  for (std::size_t i = 0; i < group; ++i) {
    const float number = std::clamp(std::nearbyint(values[i] * up), -8.F, 7.F);
    const float missed = values[i] - number * scale;
    error += missed * missed;
    numbers[i] = static_cast<int>(number);
  }
  return error;
}

/// The best of a few scales.
float fit_group(std::span<const float> values, std::array<int, group>& numbers) {
  const float extreme =
      *std::ranges::max_element(values, [](float a, float b) { return std::abs(a) < std::abs(b); });
  float best_scale = extreme / -8;
  float least = round_group(values, best_scale, numbers);
  std::array<int, group> tried{};
  for (const float part : {0.95F, 0.9F, 0.85F, 0.8F}) {
    const float scale = part * extreme / -8;
    const float error = round_group(values, scale, tried);
    if (error >= least) continue;
    least = error;
    best_scale = scale;
    numbers = tried;
  }
  return best_scale;
}

void store_i4(Channels& channels, std::span<std::int8_t> to, std::span<float> scales) {
  channels.visit([&](std::size_t channel, std::size_t first, std::span<const float> values) {
    std::array<int, group> numbers{};
    const std::size_t place = (channel * channels.size() + first) / group;
    scales[place] = fit_group(values, numbers);
    std::int8_t* out = to.data() + place * group / 2;
    for (std::size_t j = 0; j < group / 2; ++j)
      out[j] = static_cast<std::int8_t>((numbers[j] & 15) | (numbers[j + group / 2] << 4));
  });
}

}  // namespace

void store_parameter(CompiledModel& model, const std::string& name, const ParameterReader& read) {
  const runtime::TensorView view = model.states().view(name);
  const passes::StoredWeight* weight = model.stored(name);
  if (weight == nullptr) return read(0, view.as<float>());
  Channels channels(*weight, read);
  const auto scales = [&] { return model.states().view(passes::scale_name(name)).as<float>(); };
  switch (weight->store) {
    case passes::WeightStore::f32:
      return store_floats(channels, view.as<float>());
    case passes::WeightStore::bf16:
      return store_bf16(channels, view.as<std::uint16_t>());
    case passes::WeightStore::i8:
      return store_i8(channels, view.as<std::int8_t>(), scales());
    case passes::WeightStore::i4:
      return store_i4(channels, view.as<std::int8_t>(), scales());
  }
}

void store_initial_parameters(CompiledModel& model, const ModelSource& source,
                              const CompileOptions& options) {
  model.initialise();
  const CompileOptions plain = {
      .backend = options.backend, .threads = options.threads, .seed = options.seed};
  CompiledModel wide(source.model, source.config, {}, plain);
  wide.initialise();
  for (const std::string& name : wide.parameters()) {
    const std::span<const float> values = wide.states().view(name).as<float>();
    store_parameter(model, name, [&](std::size_t begin, std::span<float> out) {
      std::ranges::copy(values.subspan(begin, out.size()), out.begin());
    });
  }
}

}  // namespace gptc::driver
