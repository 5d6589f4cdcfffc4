// One node and its kernel on memory of its own, without plan or executable.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "backends/onednn/kernel.h"
#include "backends/runtime/memory.h"
#include "backends/runtime/tensor.h"
#include "ir/op_def.h"

namespace gptc::testing {

class OneNode {
 public:
  struct Options {
    int threads = 1;
    /// Operand whose memory the first result shares; -1: none.
    int in_place = -1;
    /// Of row_fused.
    std::shared_ptr<const ir::Graph> body = nullptr;
  };
  /// Infers the results; UserError if the op refuses.
  OneNode(ir::OpKind kind, const std::vector<ir::Type>& operands, ir::Attrs attrs,
          const Options& options);

  template <class T = float>
  std::span<T> operand(std::size_t i) {
    return operands_[i].as<T>();
  }
  std::span<const float> result(std::size_t i) {
    return {reinterpret_cast<const float*>(results_[i]), node_elements(i)};
  }
  /// Operands of f32 or bf16 from a fixed sequence in (-scale, scale).
  void fill(std::size_t i, unsigned seed, float scale = 1.F);
  void run() { kernel_->execute(); }
  /// By the op's row.
  double flops() const { return ir::flops(graph_, node_); }
  double bytes() const { return ir::bytes(graph_, node_); }

 private:
  std::size_t node_elements(std::size_t i) const;

  ir::Graph graph_;
  ir::NodeId node_;
  std::vector<runtime::Tensor> operands_;
  std::vector<runtime::Memory> owned_;
  std::vector<std::byte*> results_;
  runtime::Memory workspace_;
  std::unique_ptr<onednn::Kernel> kernel_;
};

/// Fails the current test unless |got - want| <= tolerance · (1 + |want|) everywhere.
void expect_close(std::span<const float> got, const std::vector<double>& want, double tolerance);

}  // namespace gptc::testing
