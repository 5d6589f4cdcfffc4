// What the benchmarks share: a kernel on memory of its own, timed by Google Benchmark and compared
// with its floor: its operations at the measured peak or its bytes at the measured bandwidth,
// whichever takes longer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "tests/onednn/one_node.h"

namespace gptc::testing {

struct BenchCase {
  std::string name;
  ir::OpKind kind;
  std::vector<ir::Type> operands;
  ir::Attrs attrs = {};
  std::shared_ptr<const ir::Graph> body = nullptr;  // of row_fused
};

/// Operands of floats hold values in (-1, 1), ids and counters 0.
void add_bench(const BenchCase& bench);

using MakeBody =
    std::function<std::vector<ir::Value>(ir::Builder&, const std::vector<ir::Value>& operands)>;
/// A region of row-local ops.
BenchCase fused_rows(std::string name, std::vector<ir::Type> operands, const MakeBody& make);

inline ir::Type f32(ir::Shape shape) { return {ir::DType::f32, std::move(shape)}; }
inline ir::Type bf16(ir::Shape shape) { return {ir::DType::bf16, std::move(shape)}; }
inline ir::Type i32(ir::Shape shape) { return {ir::DType::i32, std::move(shape)}; }
inline ir::Type counter() { return {ir::DType::i64, ir::Shape{}}; }

// The families, each in its file.
void add_products(ir::DType dtype);
void add_heads(ir::DType dtype);
void add_rows();
void add_optimizer();

}  // namespace gptc::testing
