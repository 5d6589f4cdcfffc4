// Stop strings in a text that comes in parts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gptc::driver {

/// Lets text through up to the first stop string, holding back what may be the beginning of one.
/// The first is the one that is complete first; of those that are complete at once, the longest. So
/// the text does not depend on how it was cut into parts.
class StopFilter {
 public:
  /// No stop string is empty (UserError).
  explicit StopFilter(std::vector<std::string> stops);

  /// The text that is certain now; empty once stopped.
  std::string push(std::string_view text);
  /// The end of the text: what was held back.
  std::string finish();

  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  [[nodiscard]] std::size_t certain() const;

  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace gptc::driver
