#include "backends/onednn/ids.h"

#include "ir/op_def.h"

namespace gptc::onednn {

Ids::Ids(const ir::Node& node, const std::byte* data, std::int64_t size, NegativeIds negative)
    : data_(reinterpret_cast<const std::int32_t*>(data)),
      size_(size),
      negative_(negative),
      op_(ir::op_def(node).name),
      scope_(node.origin.scope) {}

void Ids::fail(std::int64_t id, std::int64_t element) const {
  ir::user_error("{}: ids must be {}0..{}, but got {} at element {}{}{}", op_,
                 negative_ == NegativeIds::ignored ? "negative (not counted) or " : "", size_ - 1,
                 id, element, scope_.empty() ? "" : " in ", scope_);
}

}  // namespace gptc::onednn
