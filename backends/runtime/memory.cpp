#include "backends/runtime/memory.h"

#include <sys/mman.h>
#include <unistd.h>

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

void Memory::fills_slowly(std::int64_t offset, std::int64_t bytes) {
#ifdef MADV_NOHUGEPAGE
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  const std::int64_t first = (offset + page - 1) / page * page;
  const std::int64_t last = (offset + bytes) / page * page;
  if (first < last) madvise(data_ + first, static_cast<std::size_t>(last - first), MADV_NOHUGEPAGE);
#endif
}

namespace {

/// Caches of a text's past (passes/incremental.h) hold as much as the text is long.
bool fills_slowly(const ir::State& state) { return state.name.starts_with("cache."); }

}  // namespace

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
  for (std::size_t i = 0; i < layout.offsets.size(); ++i) {
    const ir::State& state = module.states()[i];
    if (fills_slowly(state)) block_.fills_slowly(layout.offsets[i], state.type.bytes());
  }
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

const StateStore::Entry& StateStore::entry(std::string_view name) const {
  const auto found = find_entry(entries_, name);
  ir::internal_check(found != entries_.end(), "there is no state '{}'", name);
  return *found;
}

TensorView StateStore::view(std::string_view name) const {
  const Entry& state = entry(name);
  return {state.type, address(state.offset, state.type.bytes())};
}

void StateStore::borrow(std::string_view name, std::span<const std::byte> bytes,
                        std::shared_ptr<const void> owner) {
  const Entry& state = entry(name);
  const auto place = reinterpret_cast<std::uintptr_t>(bytes.data());
  ir::internal_check(std::ssize(bytes) == state.type.bytes() &&
                         place % static_cast<std::uintptr_t>(ir::buffer_alignment) == 0,
                     "state '{}' takes {} bytes, but {} at {:#x} are lent to it", name,
                     state.type.bytes(), bytes.size(), place);
  borrowed_.push_back({state.offset, bytes, std::move(owner)});
}

bool StateStore::is_borrowed(std::string_view name) const {
  return std::ranges::find(borrowed_, entry(name).offset, &Borrowed::offset) != borrowed_.end();
}

std::byte* StateStore::address(std::int64_t offset, std::int64_t bytes) const {
  ir::internal_check(offset >= 0 && bytes >= 0 && offset <= block_.bytes() - bytes,
                     "a plan puts {} bytes at {} of {} of state", bytes, offset, block_.bytes());
  for (const Borrowed& state : borrowed_) {
    const std::int64_t within = offset - state.offset;
    if (within < 0 || within >= std::ssize(state.bytes)) continue;
    // What is lent is only read: CompiledModel refuses graphs that write it.
    return const_cast<std::byte*>(state.bytes.data()) + within;  // NOLINT
  }
  return block_.data() + offset;
}

bool StateStore::contains(std::string_view name) const {
  return find_entry(entries_, name) != entries_.end();
}

}  // namespace gptc::runtime
