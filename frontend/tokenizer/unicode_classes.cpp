#include "frontend/tokenizer/unicode_classes.h"

#include <algorithm>
#include <map>

namespace gptc::tokenizer {

const ClassTable& ClassTable::get() {
  static const ClassTable table;
  return table;
}

ClassTable::ClassTable() {
  const auto runs = unicode_class_runs();
  std::map<std::array<CharClass, 256>, std::uint16_t> seen;
  std::size_t run = 0;
  for (std::uint32_t block = 0; block < block_of_.size(); ++block) {
    std::array<CharClass, 256> classes{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      const std::uint32_t code_point = block * 256 + i;
      while (run + 1 < runs.size() && runs[run + 1] / 4 <= code_point) ++run;
      classes[i] = static_cast<CharClass>(runs[run] % 4);
    }
    const auto [at, added] = seen.emplace(classes, static_cast<std::uint16_t>(seen.size()));
    if (added) classes_.insert(classes_.end(), classes.begin(), classes.end());
    block_of_[block] = at->second;
  }
}

}  // namespace gptc::tokenizer
