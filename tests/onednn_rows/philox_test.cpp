// The vectorised stream against Random123, element by element.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "backends/onednn/kernel.h"
#include "backends/onednn/rows.h"
#include "backends/runtime/philox.h"
#include "ir/builder.h"

namespace gptc::testing {
namespace {

constexpr std::uint64_t key = 0xfedcba9876543210;

struct Window {
  std::int64_t first;
  std::int64_t size;
  std::int64_t counter;
};

class Dropout : public ::testing::TestWithParam<Window> {};

// Ones come out as the mask, whatever the tile's place in its tensor.
TEST_P(Dropout, KeepsWhatRandom123Keeps) {
  const Window& window = GetParam();
  const auto size = static_cast<std::size_t>(window.size);
  onednn::RowParams params;
  params.keep_threshold = runtime::keep_threshold(0.3);
  params.keep_scale = 2.0F;
  params.rng_key = key;
  std::vector<float> x(size, 1.0F);
  std::vector<float> y(size + 1, -1.0F);
  std::int64_t counter = window.counter;
  const onednn::RowArg operands[] = {{x.data(), window.size, 1},
                                     {reinterpret_cast<float*>(&counter), 0, 0}};
  const onednn::RowArg results[] = {{y.data(), window.size, 1}};
  onednn::find_row_op(ir::OpKind::dropout)
      ->run({.operands = operands,
             .results = results,
             .rows = 1,
             .cols = window.size,
             .first = window.first,
             .pitch = window.size,
             .params = &params});
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint32_t word =
        runtime::philox_word(static_cast<std::uint64_t>(window.first) + i,
                             static_cast<std::uint64_t>(window.counter), key);
    ASSERT_EQ(y[i], word >= params.keep_threshold ? 2.0F : 0.0F) << "element " << i;
  }
  EXPECT_EQ(y[size], -1.0F);
}

INSTANTIATE_TEST_SUITE_P(
    Windows, Dropout,
    ::testing::Values(Window{0, 1, 0}, Window{0, 4096, 1}, Window{1, 3, 7}, Window{3, 513, 7},
                      Window{6, 2050, -1}, Window{(std::int64_t{1} << 34) - 5, 100, 3},
                      Window{(std::int64_t{1} << 40) + 2, 33, (std::int64_t{1} << 33) + 1}));

/// The only result of a node without operands.
std::vector<float> numbers(ir::OpKind kind, const ir::Attrs& attrs, ir::Dim size) {
  ir::Graph graph("numbers");
  ir::Attrs all = attrs;
  all.set("shape", ir::Shape{size});
  all.set("rng_key", key);
  const ir::Node& node = graph[ir::Builder(graph).node(kind, {}, all)];
  std::vector<float> out(static_cast<std::size_t>(size.size()));
  onednn::find_kernel(kind)
      ->create(graph, node, {.operands = {}, .results = {reinterpret_cast<std::byte*>(out.data())}})
      ->execute();
  return out;
}

TEST(RandomNumbers, AreRandom123s) {
  const ir::Attrs uniform = {{"low", -1.0}, {"high", 3.0}};
  const ir::Attrs normal = {{"mean", 0.5}, {"std", 2.0}};
  for (const std::int64_t size : {1, 2, 3, 5, 17, 1000, 40000}) {
    const std::vector<float> u = numbers(ir::OpKind::random_uniform, uniform, size);
    const std::vector<float> n = numbers(ir::OpKind::random_normal, normal, size);
    for (std::uint64_t i = 0; i < u.size(); ++i) {
      const auto block = runtime::philox_block(i / 4, 0, key);
      const double want_u = -1 + 4 * runtime::uniform_of(block[i % 4]);
      const double want_n = 0.5 + 2 * runtime::normals_of(block)[i % 4];
      ASSERT_NEAR(u[i], want_u, 1e-6) << "element " << i << " of " << size;
      ASSERT_NEAR(n[i], want_n, 1e-6) << "element " << i << " of " << size;
    }
  }
}

}  // namespace
}  // namespace gptc::testing
