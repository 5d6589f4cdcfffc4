// Parameters on their way into the states of a model that stores them in another form.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "tools/driver/compile.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {

/// Elements [begin, begin + out.size()) of a parameter as it was declared. Several threads call it
/// at once.
using ParameterReader = std::function<void(std::size_t begin, std::span<float> out)>;

/// Where a parameter goes in its form: its numbers, as the state's type lays them out, and the
/// scales of i8 and i4.
struct StoredSpans {
  std::span<std::byte> numbers;
  std::span<float> scales = {};
};

/// Stores a parameter as `weight` says, on so many threads. `to.numbers` is aligned as its numbers
/// need.
void store_weight(const passes::StoredWeight& weight, const ParameterReader& read,
                  const StoredSpans& to, int threads);

struct ParameterSource {
  std::string name;
  ParameterReader read;
};

/// Reads parameters into the model's states, on all its threads: as they are, or rounded to bf16,
/// or as whole numbers with their scales, channel by channel (passes/store_weights.h). A scale of
/// i8 maps the largest value of a channel to 127. One of i4 maps the largest value of a group to
/// -8, or is a little smaller where the sum of squared errors then is. InternalError if there is
/// no such parameter; of what readers throw, that of the first parameter and element.
void store_parameters(CompiledModel& model, std::span<const ParameterSource> sources);

/// Every parameter as training would begin with it, whatever form it is stored in; other states as
/// they are declared. Takes the memory of a second set of parameters for a while.
void store_initial_parameters(CompiledModel& model, const ModelSource& source,
                              const CompileOptions& options);

}  // namespace gptc::driver
