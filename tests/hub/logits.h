// The logits of a folder's model, computed by the reference in double precision.
#pragma once

#include <string>
#include <vector>

#include "tools/driver/model_source.h"

namespace gptc::testing {

inline const std::string hub_folders = GPTC_SOURCE_DIR "/tests/golden/hub/";

struct Expected {
  std::vector<std::int64_t> shape;   // [B, T, V]
  std::vector<std::int64_t> tokens;  // B·T
  std::vector<float> logits;
};
/// expected.safetensors of a folder that tools/oracle/make_hub_folders.py wrote.
Expected read_expected(const std::string& folder);

/// What --model makes of it, without dropout.
driver::ModelSource source_of(const std::string& folder);

/// Logits [B, T, V] of the model's forward graph with the weights of its folder.
std::vector<double> logits_of(const driver::ModelSource& source, const Expected& expected);

/// Fails the test unless every logit is as near as `bar`.
void expect_logits(const std::vector<double>& got, const Expected& expected, double bar);

}  // namespace gptc::testing
