#include "backends/runtime/memory.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/check.h"

namespace gptc::runtime {

namespace {

TEST(Memory, IsZeroedAndAligned) {
  const Memory memory(100000);
  EXPECT_EQ(memory.bytes(), 100000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 4096, 0U);
  EXPECT_TRUE(std::all_of(memory.data(), memory.data() + memory.bytes(),
                          [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST(Memory, OfNothing) {
  const Memory memory(0);
  EXPECT_EQ(memory.data(), nullptr);
}

TEST(Memory, Moves) {
  Memory first(64);
  first.data()[5] = std::byte{7};
  Memory second(std::move(first));
  EXPECT_EQ(second.data()[5], std::byte{7});
  Memory third;
  third = std::move(second);
  EXPECT_EQ(third.data()[5], std::byte{7});
  EXPECT_EQ(third.bytes(), 64);
}

TEST(Memory, SaysHowMuchIsMissing) {
  try {
    const Memory memory(std::int64_t{1} << 60);
    FAIL() << "an exbibyte was given";
  } catch (const ir::UserError& error) {
    EXPECT_NE(std::string(error.what()).find("1152921504606846976 bytes"), std::string::npos)
        << error.what();
  }
}

ir::Module module_with_states() {
  ir::Module module("m");
  module.add_state({.name = "w", .type = {ir::DType::f32, {3, 5}}});
  module.add_state({.name = "a", .type = {ir::DType::bf16, {7}}});
  module.add_state({.name = "step", .type = {ir::DType::i64, {}}});
  return module;
}

TEST(StateStore, StatesDoNotOverlap) {
  const StateStore store(module_with_states());
  for (const auto* name : {"w", "a", "step"}) {
    const TensorView view = store.view(name);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view.data) % ir::buffer_alignment, 0U) << name;
    EXPECT_GE(view.data, store.data());
    EXPECT_LE(view.data + view.bytes(), store.data() + store.bytes());
    std::fill_n(view.data, view.bytes(), static_cast<std::byte>(name[0]));
  }
  for (const auto* name : {"w", "a", "step"}) {
    const TensorView view = store.view(name);
    EXPECT_TRUE(std::all_of(view.data, view.data + view.bytes(), [&](std::byte byte) {
      return byte == static_cast<std::byte>(name[0]);
    })) << name;
  }
  EXPECT_EQ(store.view("w").type.text(), "f32[3x5]");
}

TEST(StateStore, BorrowsBytes) {
  StateStore store(module_with_states());
  const std::int64_t place = store.view("w").data - store.data();
  const auto lent = std::make_shared<Memory>(256);
  const std::span<const std::byte> bytes(lent->data(), 3 * 5 * sizeof(float));
  store.borrow("w", bytes, lent);
  EXPECT_EQ(store.view("w").data, lent->data());
  EXPECT_EQ(store.address(place + 8, 4), lent->data() + 8);
  EXPECT_TRUE(store.is_borrowed("w"));
  EXPECT_FALSE(store.is_borrowed("a"));
  EXPECT_EQ(lent.use_count(), 2);
  const TensorView other = store.view("a");
  EXPECT_EQ(store.address(other.data - store.data(), other.bytes()), other.data);
  EXPECT_THROW(store.borrow("a", bytes, lent), ir::InternalError) << "another size";
  const auto shifted = std::span<const std::byte>(lent->data() + 4, bytes.size());
  EXPECT_THROW(store.borrow("w", shifted, lent), ir::InternalError) << "another alignment";
  EXPECT_THROW(store.address(store.bytes() - 4, 8), ir::InternalError);
  EXPECT_THROW(store.address(-4, 8), ir::InternalError);
}

TEST(StateStore, CachesAreZeroedToo) {
  ir::Module module("m");
  module.add_state({.name = "w", .type = {ir::DType::f32, {5}}});
  module.add_state({.name = "cache.h.0", .type = {ir::DType::f32, {1, 3000, 3}}});
  const StateStore store(module);
  EXPECT_TRUE(std::ranges::all_of(store.view("cache.h.0").as<float>(),
                                  [](float value) { return value == 0; }));
}

TEST(StateStore, KnowsItsNames) {
  const StateStore store(module_with_states());
  EXPECT_TRUE(store.contains("step"));
  EXPECT_FALSE(store.contains("stepp"));
  EXPECT_FALSE(store.contains(""));
  EXPECT_THROW(store.view("b"), ir::InternalError);
}

}  // namespace

}  // namespace gptc::runtime
