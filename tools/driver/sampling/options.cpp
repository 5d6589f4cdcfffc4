#include "tools/driver/sampling/options.h"

#include <algorithm>
#include <cmath>

#include "ir/check.h"

namespace gptc::driver {
namespace {

bool within(double value, double least, double most) { return value >= least && value <= most; }

void check_bias(const std::vector<LogitBias>& all) {
  constexpr double most = 1e9;
  for (const LogitBias& bias : all) {
    const auto value = static_cast<double>(bias.value);
    ir::user_check(value == -INFINITY || within(value, -most, most),
                   "--logit-bias {}: the value must be from -1e9 to 1e9, or -inf, but is {}",
                   bias.token, bias.value);
    const auto same = [&](const LogitBias& other) { return other.token == bias.token; };
    ir::user_check(std::ranges::count_if(all, same) == 1,
                   "--logit-bias {}: a token must be given once, but is given again", bias.token);
  }
}

}  // namespace

void check_sampling(const SamplingOptions& options) {
  constexpr double least_penalty = 0.001;
  constexpr double most_penalty = 1000;
  ir::user_check(std::isfinite(options.temperature) && options.temperature >= 0,
                 "--temperature: it must be at least 0 (0: the most likely token), but got {}",
                 options.temperature);
  ir::user_check(options.top_k >= 0, "--top-k: it must be at least 1, but got {}", options.top_k);
  ir::user_check(within(options.top_p, 0, 1), "--top-p: it must be from 0 to 1, but got {}",
                 options.top_p);
  ir::user_check(within(options.min_p, 0, 1), "--min-p: it must be from 0 to 1, but got {}",
                 options.min_p);
  ir::user_check(within(options.repetition_penalty, least_penalty, most_penalty),
                 "--repetition-penalty: it must be from {} to {} (1: none), but got {}",
                 least_penalty, most_penalty, options.repetition_penalty);
  ir::user_check(options.no_repeat_ngram >= 0,
                 "--no-repeat-ngram-size: it must be at least 0 (0: off), but got {}",
                 options.no_repeat_ngram);
  check_bias(options.logit_bias);
}

void check_sampling(const SamplingOptions& options, std::int64_t vocabulary) {
  check_sampling(options);
  for (const LogitBias& bias : options.logit_bias) {
    ir::user_check(bias.token >= 0 && bias.token < vocabulary,
                   "--logit-bias {}: the token must be from 0 to {}, the last of the vocabulary",
                   bias.token, vocabulary - 1);
  }
}

}  // namespace gptc::driver
