// The arena every graph shares, and the block that holds all state.
#pragma once

#include <cstddef>
#include <cstdint>
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

 private:
  std::byte* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

/// All state of a module in one block, laid out by ir::layout_states.
class StateStore {
 public:
  explicit StateStore(const ir::Module& module);
  /// InternalError if there is no such state.
  TensorView view(std::string_view name) const;
  bool contains(std::string_view name) const;
  std::byte* data() const { return block_.data(); }
  std::int64_t bytes() const { return block_.bytes(); }

 private:
  struct Entry {
    std::string name;
    ir::Type type;
    std::int64_t offset;
  };
  std::vector<Entry> entries_;  // sorted by name
  Memory block_;
};

}  // namespace gptc::runtime
