// A steady step allocates nothing: every operator new of the process is counted, except those that
// oneDNN and OpenMP call themselves.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string_view>

#include "tests/driver/tiny_model.h"

namespace {

std::atomic<bool> counting = false;
std::atomic<int> allocations = 0;

bool is_library(const void* caller) {
  Dl_info info{};
  if (dladdr(caller, &info) == 0 || info.dli_fname == nullptr) return false;
  const std::string_view file = info.dli_fname;
  return file.find("dnnl") != std::string_view::npos || file.find("gomp") != std::string_view::npos;
}

void* allocate(std::size_t bytes, std::size_t alignment, const void* caller) {
  if (counting && !is_library(caller)) ++allocations;
  const std::size_t size = (bytes + alignment - 1) / alignment * alignment;
  if (void* block = std::aligned_alloc(alignment, size == 0 ? alignment : size)) return block;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes, alignof(std::max_align_t), __builtin_return_address(0));
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes, alignof(std::max_align_t), __builtin_return_address(0));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment), __builtin_return_address(0));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment), __builtin_return_address(0));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

namespace gptc::testing {
namespace {

class SteadyStep : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(SteadyStep, AllocatesNothing) {
  const std::vector<std::int32_t> text = tiny_text(1000);
  driver::TrainerOptions options = tiny_options();
  options.batch = 2;
  options.accumulate = GetParam();
  driver::Trainer trainer(tiny_model(0.1), text, text, options);
  trainer.step();  // kernels of `apply` are built at its first run
  trainer.validate();
  allocations = 0;
  counting = true;
  for (int i = 0; i < 3; ++i) trainer.step();
  trainer.validate();
  counting = false;
  EXPECT_EQ(allocations, 0);
}

INSTANTIATE_TEST_SUITE_P(MicroBatches, SteadyStep, ::testing::Values(1, 3));

/// The test of the test.
TEST(SteadyStepItself, SeesAnAllocation) {
  allocations = 0;
  counting = true;
  const std::vector<std::int32_t> text = tiny_text(10);
  counting = false;
  EXPECT_GE(allocations, 1);
}

}  // namespace
}  // namespace gptc::testing
