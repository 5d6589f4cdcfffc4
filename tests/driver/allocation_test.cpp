// A steady step allocates nothing: every operator new of the process is counted, except those that
// oneDNN and OpenMP call themselves.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string_view>

#include "tests/driver/tiny_model.h"
#include "tools/driver/sampling/text_in_progress.h"

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

// With every step of sampling on, once the first call has made room for changed scores.
TEST(SteadySampling, AllocatesNothing) {
  constexpr std::int64_t vocabulary = 5000;
  driver::Sampler sampler({.temperature = 0.9,
                           .top_k = 200,
                           .top_p = 0.9,
                           .min_p = 0.01,
                           .repetition_penalty = 1.2,
                           .no_repeat_ngram = 3,
                           .logit_bias = {{3, 1.F}}},
                          vocabulary);
  std::vector<float> logits(vocabulary);
  for (std::size_t i = 0; i < logits.size(); ++i)
    logits[i] = static_cast<float>(i * 7919 % 5003) / 500;
  driver::TextInProgress text(std::vector<std::int32_t>{1}, {.context = 16, .max_new_tokens = 50});
  text.advance(logits, sampler);
  allocations = 0;
  counting = true;
  while (!text.done()) text.advance(logits, sampler);
  counting = false;
  EXPECT_EQ(allocations, 0);
  EXPECT_EQ(text.made().size(), 50U);
}

}  // namespace
}  // namespace gptc::testing
