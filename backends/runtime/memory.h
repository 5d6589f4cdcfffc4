// The arena every graph shares, and the block that holds all state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "backends/runtime/tensor.h"
#include "ir/module.h"
#include "ir/program.h"

namespace gptc::runtime {

/// Page-aligned anonymous memory (huge pages advised), zeroed; UserError naming the size if there
/// is none.
class Memory {
 public:
  explicit Memory(std::int64_t bytes = 0);
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  std::byte* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }
  /// These bytes fill little by little: a huge page would be taken and cleared at its first one.
  void fills_slowly(std::int64_t offset, std::int64_t bytes);

 private:
  std::byte* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

/// All state of a module in one block, laid out by ir::layout_states. A state that is only read may
/// lie elsewhere; its room in the block is then never touched, so it takes no memory.
class StateStore {
 public:
  explicit StateStore(const ir::Module& module);
  /// InternalError if there is no such state.
  TensorView view(std::string_view name) const;
  bool contains(std::string_view name) const;
  /// The state's bytes are these from now on: `owner` keeps them, and nothing may write them.
  /// InternalError unless there are as many as the state has, aligned as buffers are.
  void borrow(std::string_view name, std::span<const std::byte> bytes,
              std::shared_ptr<const void> owner);
  bool is_borrowed(std::string_view name) const;
  /// Where `bytes` bytes of the layout lie; they belong to one state.
  std::byte* address(std::int64_t offset, std::int64_t bytes) const;
  std::byte* data() const { return block_.data(); }
  std::int64_t bytes() const { return block_.bytes(); }

 private:
  struct Entry {
    std::string name;
    ir::Type type;
    std::int64_t offset;
  };
  /// A state that lies elsewhere.
  struct Borrowed {
    std::int64_t offset;  // of its room in the layout
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
  };
  const Entry& entry(std::string_view name) const;

  std::vector<Entry> entries_;  // sorted by name
  std::vector<Borrowed> borrowed_;
  Memory block_;
};

}  // namespace gptc::runtime
