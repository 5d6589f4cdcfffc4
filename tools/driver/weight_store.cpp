#include "tools/driver/weight_store.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <mutex>
#include <vector>

#include "backends/onednn/turn.h"
#include "frontend/formats/number.h"
#include "tools/driver/parallel.h"
#include "tools/driver/weight_channels.h"

namespace gptc::driver {
namespace {

constexpr std::size_t group = channel_group;
constexpr std::size_t part_elements = std::size_t{1} << 18;  // about so many for a thread at a time

/// Of absolute values, which order as their bits do: whole numbers are what compilers vectorise.
float largest_of(std::span<const float> values) {
  constexpr std::int32_t size_bits = 0x7fffffff;
  std::int32_t largest = 0;
  for (const float value : values)
    largest = std::max(largest, std::bit_cast<std::int32_t>(value) & size_bits);
  return std::bit_cast<float>(largest);
}

/// 0 where there is none in f32: values so small count as zeros.
inline float inverse(float scale) {
  const float up = 1 / scale;
  return std::isfinite(up) ? up : 0;
}

/// To the nearest whole number, of two the even, for numbers below 2^22: behind the sum there are
/// no bits for fractions. A function of the library would keep the loop from being vectorised.
inline float rounded(float value) {
  constexpr float shift = 0x1.8p23F;
  return (value + shift) - shift;
}

void store_floats(const Channels& channels, std::span<float> to) {
  channels.visit([&](std::size_t channel, std::size_t first, std::span<const float> values) {
    onednn::stream(values, to.data() + channel * channels.size() + first);
  });
  onednn::finish_streaming();
}

void store_bf16(const Channels& channels, std::span<std::uint16_t> to) {
  channels.visit([&](std::size_t channel, std::size_t first, std::span<const float> values) {
    formats::encode_floats(
        formats::Encoding::BF16, values,
        std::as_writable_bytes(to.subspan(channel * channels.size() + first, values.size())));
  });
}

constexpr float most_i8 = 127;

/// The parts of a channel lie in several threads' hands: the largest of all is what counts.
void scale_i8(const Channels& channels, std::span<float> scales, std::mutex& mutex) {
  std::vector<float> found(channels.count());
  channels.visit([&](std::size_t channel, std::size_t, std::span<const float> values) {
    found[channel] = std::max(found[channel], largest_of(values) / most_i8);
  });
  const std::scoped_lock lock(mutex);
  for (std::size_t i = 0; i < found.size(); ++i) scales[i] = std::max(scales[i], found[i]);
}

void store_i8(const Channels& channels, std::span<std::int8_t> to, std::span<const float> scales) {
  channels.visit([&](std::size_t channel, std::size_t first, std::span<const float> values) {
    std::int8_t* out = to.data() + channel * channels.size() + first;
    const float up = inverse(scales[channel]);
    for (std::size_t i = 0; i < values.size(); ++i)
      out[i] = static_cast<std::int8_t>(std::clamp(rounded(values[i] * up), -most_i8, most_i8));
  });
}

/// Whole numbers from -8 to 7.
inline float nibble(float value, float up) { return std::clamp(rounded(value * up), -8.F, 7.F); }

/// The best of a few scales, the largest if two are equal. They are tried side by side, two vectors
/// of them, each error summed in the order of the values.
float fit_group(std::span<const float> values, std::array<int, group>& numbers) {
  constexpr std::array parts = {1.F, 0.95F, 0.9F, 0.85F, 0.8F, 0.8F, 0.8F, 0.8F};
  using Tries = std::array<float, parts.size()>;
  const float extreme =
      *std::ranges::max_element(values, [](float a, float b) { return std::abs(a) < std::abs(b); });
  Tries scales;
  Tries ups;
  Tries errors{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    scales[i] = parts[i] * extreme / -8;
    ups[i] = inverse(scales[i]);
  }
  for (const float value : values) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const float missed = value - nibble(value, ups[i]) * scales[i];
      errors[i] += missed * missed;
    }
  }
  const auto best = static_cast<std::size_t>(std::ranges::min_element(errors) - errors.begin());
  for (std::size_t i = 0; i < group; ++i)
    numbers[i] = static_cast<int>(nibble(values[i], ups[best]));
  return scales[best];
}

void store_i4(const Channels& channels, std::span<std::int8_t> to, std::span<float> scales) {
  channels.visit([&](std::size_t channel, std::size_t first, std::span<const float> values) {
    std::array<int, group> numbers{};
    for (std::size_t at = 0; at < values.size(); at += group) {
      const std::size_t place = (channel * channels.size() + first + at) / group;
      scales[place] = fit_group(values.subspan(at, group), numbers);
      std::int8_t* out = to.data() + place * group / 2;
      for (std::size_t j = 0; j < group / 2; ++j)
        out[j] = static_cast<std::int8_t>((numbers[j] & 15) | (numbers[j + group / 2] << 4));
    }
  });
}

template <class T>
std::span<T> numbers_of(const StoredSpans& to) {
  return {reinterpret_cast<T*>(to.numbers.data()), to.numbers.size() / sizeof(T)};
}

/// What is to be done, in the order in which it must begin: all of `scales` before `numbers`.
struct Work {
  std::vector<Job> scales;
  std::vector<Job> numbers;
  std::mutex mutex;
};

void add_plain(const ParameterReader& read, std::span<float> to, Work& work) {
  for (std::size_t begin = 0; begin < to.size(); begin += part_elements) {
    const std::span<float> part = to.subspan(begin, std::min(part_elements, to.size() - begin));
    work.numbers.emplace_back([&read, begin, part] { read(begin, part); });
  }
}

void add_part(const Channels& part, passes::WeightStore store, const StoredSpans& to, Work& work) {
  using Store = passes::WeightStore;
  switch (store) {
    case Store::f32:
      work.numbers.emplace_back([=] { store_floats(part, numbers_of<float>(to)); });
      return;
    case Store::bf16:
      work.numbers.emplace_back([=] { store_bf16(part, numbers_of<std::uint16_t>(to)); });
      return;
    case Store::i8:
      work.scales.emplace_back([=, &work] { scale_i8(part, to.scales, work.mutex); });
      work.numbers.emplace_back([=] { store_i8(part, numbers_of<std::int8_t>(to), to.scales); });
      return;
    case Store::i4:
      work.numbers.emplace_back([=] { store_i4(part, numbers_of<std::int8_t>(to), to.scales); });
      return;
  }
}

void add_weight(const passes::StoredWeight& weight, const ParameterReader& read,
                const StoredSpans& to, Work& work) {
  std::ranges::fill(to.scales, 0.F);
  for (const Channels& part : Channels(weight, read).parts(part_elements))
    add_part(part, weight.store, to, work);
}

void add_parameter(CompiledModel& model, const ParameterSource& source, Work& work) {
  const runtime::TensorView view = model.states().view(source.name);
  const passes::StoredWeight* weight = model.stored(source.name);
  if (weight == nullptr) return add_plain(source.read, view.as<float>(), work);
  StoredSpans to = {.numbers = {view.data, static_cast<std::size_t>(view.bytes())}};
  if (passes::has_scales(weight->store))
    to.scales = model.states().view(passes::scale_name(source.name)).as<float>();
  add_weight(*weight, source.read, to, work);
}

}  // namespace

void store_weight(const passes::StoredWeight& weight, const ParameterReader& read,
                  const StoredSpans& to, int threads) {
  Work work;
  add_weight(weight, read, to, work);
  run_jobs(work.scales, threads);
  run_jobs(work.numbers, threads);
}

void store_parameters(CompiledModel& model, std::span<const ParameterSource> sources) {
  Work work;
  for (const ParameterSource& source : sources) add_parameter(model, source, work);
  run_jobs(work.scales, model.threads());
  run_jobs(work.numbers, model.threads());
}

void store_initial_parameters(CompiledModel& model, const ModelSource& source,
                              const CompileOptions& options) {
  model.initialise();
  const CompileOptions plain = {
      .backend = options.backend, .threads = options.threads, .seed = options.seed};
  CompiledModel wide(source.model, source.config, {}, plain);
  wide.initialise();
  std::vector<ParameterSource> sources;
  for (const std::string& name : wide.parameters()) {
    const std::span<const float> values = wide.states().view(name).as<float>();
    sources.push_back({name, [values](std::size_t begin, std::span<float> out) {
                         std::ranges::copy(values.subspan(begin, out.size()), out.begin());
                       }});
  }
  store_parameters(model, sources);
}

}  // namespace gptc::driver
