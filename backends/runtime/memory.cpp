#include "backends/runtime/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "ir/check.h"

namespace gptc::runtime {

Memory::Memory(std::int64_t bytes) : bytes_(bytes) {
  ir::internal_check(bytes >= 0, "a block of {} bytes was asked for", bytes);
  if (bytes == 0) return;
  const auto size = static_cast<std::size_t>(bytes);
  void* block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ir::user_check(block != MAP_FAILED,
                 "memory: {} bytes ({:.1f} MiB) are needed in one block, but the system has not "
                 "got them; use a smaller batch, context or model",
                 bytes, static_cast<double>(bytes) / (1024.0 * 1024.0));
#ifdef MADV_HUGEPAGE
  madvise(block, size, MADV_HUGEPAGE);  // a hint: refusal changes nothing but speed
#endif
  data_ = static_cast<std::byte*>(block);
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Memory::~Memory() {
  if (data_ != nullptr) munmap(data_, static_cast<std::size_t>(bytes_));
}

StateStore::StateStore(const ir::Module& module) {
  const ir::StateLayout layout = ir::layout_states(module);
  ir::internal_check(layout.offsets.size() == module.states().size(),
                     "the layout has {} states of {}", layout.offsets.size(),
                     module.states().size());
  for (std::size_t i = 0; i < layout.offsets.size(); ++i) {
    const ir::State& state = module.states()[i];
    ir::internal_check(layout.offsets[i] + state.type.bytes() <= layout.bytes,
                       "state '{}' ends behind the block of {} bytes", state.name, layout.bytes);
    entries_.push_back({state.name, state.type, layout.offsets[i]});
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  block_ = Memory(layout.bytes);
}

namespace {

template <class Entries>
auto find_entry(const Entries& entries, std::string_view name) {
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), name,
      [](const auto& entry, std::string_view wanted) { return entry.name < wanted; });
  return at != entries.end() && at->name == name ? at : entries.end();
}

}  // namespace

TensorView StateStore::view(std::string_view name) const {
  const auto entry = find_entry(entries_, name);
  ir::internal_check(entry != entries_.end(), "there is no state '{}'", name);
  return {entry->type, block_.data() + entry->offset};
}

bool StateStore::contains(std::string_view name) const {
  return find_entry(entries_, name) != entries_.end();
}

}  // namespace gptc::runtime
