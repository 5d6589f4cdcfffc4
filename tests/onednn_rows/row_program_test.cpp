// Bodies of row_fused that need care: which rows a value has, slots, long rows, refusals.
#include <gtest/gtest.h>

#include <functional>

#include "backends/onednn/row_program.h"
#include "ir/builder.h"
#include "tests/onednn_rows/check.h"

namespace gptc::testing {
namespace {

using ir::Builder;
using ir::OpKind;
using ir::Value;
using Values = std::vector<Value>;
using Make = std::function<Values(Builder&, const Values&)>;

std::shared_ptr<ir::Graph> body_of(const std::vector<Operand>& operands, const Make& make) {
  auto body = std::make_shared<ir::Graph>("body");
  Values inputs;
  for (const Operand& operand : operands)
    inputs.push_back(body->add_input("a" + std::to_string(inputs.size()), operand.type));
  Builder builder(*body);
  for (const Value value : make(builder, inputs))
    body->outputs().push_back({"r" + std::to_string(body->outputs().size()), value});
  return body;
}

void check_body(const char* name, std::vector<Operand> operands, const Make& make) {
  auto body = body_of(operands, make);
  check_rows({.name = name,
              .op = OpKind::row_fused,
              .operands = std::move(operands),
              .body = std::move(body)});
}

Value dropout(Builder& b, Value x, Value step) {
  return b.op(OpKind::dropout, {x, step}, {{"p", 0.25}, {"rng_key", std::uint64_t{9}}});
}

/// Runs a compiled body on one thread.
void execute(const onednn::RowProgram& program, const std::vector<std::vector<float>*>& operands,
             const std::vector<std::vector<float>*>& results) {
  std::vector<std::byte> scratch(static_cast<std::size_t>(program.scratch_bytes));
  onednn::KernelArgs args{.operands = {}, .results = {}, .workspace = scratch.data()};
  for (auto* values : operands)
    args.operands.push_back(reinterpret_cast<std::byte*>(values->data()));
  for (auto* values : results) args.results.push_back(reinterpret_cast<std::byte*>(values->data()));
  onednn::make_row_kernel(program, args)->execute();
}

// A position table serves every sequence: row r is added to rows r, r + 7, r + 14.
TEST(RowProgram, TableThatRepeats) {
  for (const char* type : {"f32[7x33]", "f32[1x7x33]"}) {
    const auto body = body_of({real("f32[3x7x33]"), real(type)}, [](Builder& b, const Values& in) {
      const Value twice = b.add(in[1], in[1]);
      return Values{b.mul(b.add(in[0], in[1]), twice)};
    });
    const auto program = onednn::compile_rows(*body);
    ASSERT_TRUE(program) << type;
    std::vector<float> x(3 * 7 * 33);
    std::vector<float> table(7 * 33);
    std::vector<float> y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 13);
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i % 29);
    execute(*program, {&x, &table}, {&y});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float entry = table[i % table.size()];
      ASSERT_EQ(y[i], (x[i] + entry) * 2 * entry) << i;
    }
  }
}

// As many rows as columns: only its use tells a statistic from a row vector.
TEST(RowProgram, SquareShapes) {
  const Operand x = real("f32[17x17]");
  const Operand vector = real("f32[17]");
  check_body("square", {x, x, vector, vector, vector}, [](Builder& b, const Values& in) {
    const Value dx = b.op(OpKind::layer_norm_grad, {in[0], in[1], in[2], in[3], in[4]});
    return Values{b.mul(dx, in[2])};
  });
}

TEST(RowProgram, LongElementwiseRowsAreCut) {
  check_body("long", {real("f32[2x10007]"), real("f32[10007]"), real("f32[2x1]"), counter(4)},
             [](Builder& b, const Values& in) {
               const Value sum = b.add(in[0], in[1]);
               return Values{b.mul(dropout(b, b.tanh(sum), in[3]), in[2]), sum};
             });
}

TEST(RowProgram, StatisticsAsColumns) {
  check_body("statistics", {real("f32[40x19]", 0.5, 2)}, [](Builder& b, const Values& in) {
    const Value sum = b.reduce_sum(in[0], {1});
    const Value column = b.reshape(sum, ir::Shape{40, 1});
    const Value scaled = b.div(in[0], column);
    return Values{b.log(sum), scaled, b.exp(scaled), in[0], scaled};
  });
}

TEST(RowProgram, ManyTemporaries) {
  check_body("many", {real("f32[70x129]"), real("f32[70x129]")}, [](Builder& b, const Values& in) {
    Value x = in[0];
    Values parts;
    for (int i = 0; i < 12; ++i) parts.push_back(x = b.tanh(b.add(x, in[1])));
    for (const Value part : parts) x = b.add(b.mul(x, part), b.scale(in[1], 0.5));
    return Values{x, parts[5]};
  });
}

TEST(RowProgram, ResultOverAnOperandReadLater) {
  const Operand x = real("f32[9x35]");
  const auto body = body_of({x, x}, [](Builder& b, const Values& in) {
    const Value sum = b.add(in[0], in[1]);
    return Values{sum, b.mul(sum, in[0])};
  });
  const auto program = onednn::compile_rows(*body);
  ASSERT_TRUE(program);
  std::vector<float> a(9 * 35, 3.0F);
  std::vector<float> b(a.size(), 2.0F);
  std::vector<float> product(a.size());
  execute(*program, {&a, &b}, {&a, &product});
  EXPECT_EQ(a, std::vector<float>(a.size(), 5.0F));
  EXPECT_EQ(product, std::vector<float>(a.size(), 15.0F));
}

TEST(RowProgram, RefusesWhatIsNotRows) {
  const auto refused = [](const std::vector<Operand>& operands, const Make& make) {
    return !onednn::compile_rows(*body_of(operands, make));
  };
  // A mask over part of the rows, a middle axis, another element type, a sum over rows.
  EXPECT_TRUE(refused(
      {real("f32[3x7x5]"), real("f32[7x5]"), counter(1)},
      [](Builder& b, const Values& in) { return Values{b.add(in[0], dropout(b, in[1], in[2]))}; }));
  EXPECT_TRUE(refused({real("f32[3x7x5]"), real("f32[3x1x5]")},
                      [](Builder& b, const Values& in) { return Values{b.add(in[0], in[1])}; }));
  EXPECT_TRUE(refused({real("bf16[3x5]")},
                      [](Builder& b, const Values& in) { return Values{b.tanh(in[0])}; }));
  EXPECT_TRUE(refused({real("f32[3x5]")}, [](Builder& b, const Values& in) {
    return Values{b.reduce_sum(in[0], {0})};
  }));
}

}  // namespace
}  // namespace gptc::testing
