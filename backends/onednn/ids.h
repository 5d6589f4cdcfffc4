// Token ids as kernels read them: checked before they index anything.
#pragma once

#include <cstdint>
#include <string>

#include "ir/graph.h"

namespace gptc::onednn {

enum class NegativeIds : std::uint8_t { rejected, ignored };

/// The ids of one operand, in 0..size-1, or negative where the op ignores those.
class Ids {
 public:
  Ids(const ir::Node& node, const std::byte* data, std::int64_t size, NegativeIds negative);

  /// Below 0 for an ignored one. UserError if it is out of range.
  std::int64_t at(std::int64_t element) const {
    const std::int64_t id = data_[element];
    if (id >= size_ || (id < 0 && negative_ == NegativeIds::rejected)) fail(id, element);
    return id;
  }

 private:
  [[noreturn]] void fail(std::int64_t id, std::int64_t element) const;

  const std::int32_t* data_;
  std::int64_t size_;
  NegativeIds negative_;
  std::string op_;
  std::string scope_;
};

}  // namespace gptc::onednn
