#include "passes/rules/rules.h"

namespace gptc::passes::rules {

std::vector<Rule> all() {
  std::vector<Rule> table;
  for (const auto& family : {elementwise(), shape(), structure(), cast(), select(), columns()}) {
    table.insert(table.end(), family.begin(), family.end());
  }
  return table;
}

}  // namespace gptc::passes::rules
