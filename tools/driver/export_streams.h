// The tensors of a model as streams for the writers of files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontend/dsl/exchange.h"
#include "frontend/formats/tensor_stream.h"
#include "tools/driver/weights.h"

namespace gptc::driver {

struct StreamOptions {
  formats::Encoding encoding = formats::Encoding::F32;
  /// Takes the place of an encoding whose blocks a tensor's rows do not fill.
  formats::Encoding instead = formats::Encoding::F16;
};

/// Those of `tensors` that are written. Streams keep the weights alive; each holds one part of a
/// tensor at a time, or the whole of one that is transposed.
std::vector<formats::TensorStream> export_streams(const std::vector<dsl::FileTensor>& tensors,
                                                  const ir::Module& module,
                                                  const std::shared_ptr<const Weights>& weights,
                                                  const StreamOptions& options);

}  // namespace gptc::driver
