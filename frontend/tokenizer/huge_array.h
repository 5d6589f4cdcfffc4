#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace gptc::tokenizer {

/// A table of zeros looked up at random: lies in huge pages where the system has them, so that a
/// look-up costs one cache miss and not a walk through page tables too.
template <typename T>
class HugeArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit HugeArray(std::size_t count) {
    constexpr std::size_t kHugePage = std::size_t{2} << 20;
    const std::size_t bytes = count * sizeof(T);
    const std::size_t pages = (bytes + kHugePage - 1) / kHugePage;
    items_.reset(static_cast<T*>(std::aligned_alloc(kHugePage, pages * kHugePage)));
    if (items_ == nullptr) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    // A wish; small pages work too, and a page that is hardly begun is better small.
    madvise(items_.get(), bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
    std::memset(static_cast<void*>(items_.get()), 0, bytes);
  }

  T& operator[](std::size_t index) { return items_.get()[index]; }
  const T& operator[](std::size_t index) const { return items_.get()[index]; }

 private:
  struct Free {
    void operator()(T* items) const { std::free(items); }
  };
  std::unique_ptr<T, Free> items_;
};

}  // namespace gptc::tokenizer
