// Executes a row program: items of rows, cut into tiles that stay in L1.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "backends/onednn/row_program.h"

namespace gptc::onednn {
namespace {

constexpr std::size_t max_args = 8;

/// An argument with its address; scratch is the thread's, so its base comes with the tile.
struct BoundArg {
  std::byte* base = nullptr;
  std::int64_t scratch_offset = -1;  // floats; below 0: `base` holds
  RowArg shape;                      // strides
  std::int64_t rows = 1;             // rows there are: 1, the period or all
  std::int64_t bytes = 4;            // of an element

  RowArg at(std::int64_t row, std::int64_t col, float* scratch) const {
    if (scratch_offset >= 0) return {scratch + scratch_offset, shape.row_stride, shape.col_stride};
    if (base == nullptr) return {nullptr, shape.row_stride, shape.col_stride};
    const std::int64_t element = row % rows * shape.row_stride + col * shape.col_stride;
    return {reinterpret_cast<float*>(base + element * bytes), shape.row_stride, shape.col_stride};
  }
};

struct BoundStep {
  const RowStep* step = nullptr;
  std::vector<BoundArg> operands;
  std::vector<BoundArg> results;
};

class RowKernel final : public ItemKernel {
 public:
  RowKernel(RowProgram program, const KernelArgs& args)
      : ItemKernel(args.threads, args.workspace, program.scratch_bytes),
        program_(std::move(program)),
        chunks_((program_.cols + program_.chunk - 1) / program_.chunk),
        blocks_((program_.rows + program_.item_rows - 1) / program_.item_rows) {
    find_hazards(args);
    for (const RowStep& step : program_.steps) {
      BoundStep bound{.step = &step};
      ir::internal_check(step.operands.size() <= max_args && step.results.size() <= max_args,
                         "a row function takes {} operands", step.operands.size());
      for (const RowPlace& place : step.operands) bound.operands.push_back(bind(place, args));
      for (const RowPlace& place : step.results) bound.results.push_back(bind(place, args));
      steps_.push_back(std::move(bound));
    }
    for (std::size_t i = 0; i < behind_.size(); ++i) {
      if (behind_[i] && args.results[i] != nullptr) add_copy(i, args);
    }
  }

 private:
  // A result is written in place unless it is not wanted but read again, or lies over an operand
  // that a later step reads.
  void find_hazards(const KernelArgs& args) {
    behind_.assign(program_.results.size(), false);
    for (std::size_t i = 0; i < program_.results.size(); ++i) {
      const RowResult& result = program_.results[i];
      bool hazard = args.results[i] == nullptr && result.slot;
      for (std::size_t k = 0; k < program_.operands.size(); ++k) {
        const bool over = args.results[i] != nullptr && args.operands[k] == args.results[i];
        hazard = hazard || (over && program_.last_reads[k] > result.step);
      }
      ir::internal_check(!hazard || result.slot, "result {} lies over an operand in use", i);
      behind_[i] = hazard;
    }
  }

  BoundArg in_scratch(std::size_t slot, const RowLayout& layout) const {
    BoundArg bound;
    const std::int64_t width = layout.cols == program_.cols ? program_.chunk : layout.cols;
    bound.scratch_offset = program_.slot_offsets[slot];
    bound.shape = {nullptr, layout.rows > 1 ? width : 0, layout.cols > 1 ? 1 : 0};
    return bound;
  }

  BoundArg bind(const RowPlace& place, const KernelArgs& args) {
    const RowLayout& layout = place.layout;
    if (place.base == RowPlace::Base::scratch) return in_scratch(place.index, layout);
    if (place.base == RowPlace::Base::result && behind_[place.index])
      return in_scratch(*program_.results[place.index].slot, layout);
    BoundArg bound;
    bound.rows = layout.rows;
    bound.bytes = place.bytes;
    bound.shape = {nullptr, layout.rows > 1 ? layout.cols : 0, layout.cols > 1 ? 1 : 0};
    if (place.base == RowPlace::Base::constant) {
      bound.base = reinterpret_cast<std::byte*>(&program_.constants[place.index]);
    } else {
      const auto& addresses = place.base == RowPlace::Base::operand ? args.operands : args.results;
      bound.base = addresses[place.index];
    }
    return bound;
  }

  void add_copy(std::size_t result, const KernelArgs& args) {
    const RowLayout& layout = program_.results[result].layout;
    BoundArg to;
    to.base = args.results[result];
    to.rows = layout.rows;
    to.bytes = program_.results[result].bytes;
    to.shape = {nullptr, layout.rows > 1 ? layout.cols : 0, layout.cols > 1 ? 1 : 0};
    copies_.push_back({in_scratch(*program_.results[result].slot, layout), to, layout.cols});
  }

  std::int64_t items() const override { return blocks_ * chunks_; }

  void run(std::int64_t item, std::byte* scratch) override {
    const std::int64_t end = std::min(program_.rows, (item / chunks_ + 1) * program_.item_rows);
    const std::int64_t col = item % chunks_ * program_.chunk;
    std::int64_t row = item / chunks_ * program_.item_rows;
    while (row < end) {
      std::int64_t count = std::min(program_.tile_rows, end - row);
      if (program_.period > 1) count = std::min(count, program_.period - row % program_.period);
      run_tile(row, count, col, reinterpret_cast<float*>(scratch));
      row += count;
    }
  }

  void run_tile(std::int64_t row, std::int64_t count, std::int64_t col, float* scratch) const {
    const std::int64_t width = std::min(program_.chunk, program_.cols - col);
    std::array<RowArg, max_args> operands;
    std::array<RowArg, max_args> results;
    for (const BoundStep& bound : steps_) {
      const RowStep& step = *bound.step;
      for (std::size_t i = 0; i < bound.operands.size(); ++i)
        operands[i] = bound.operands[i].at(row, col, scratch);
      bool wanted = false;
      for (std::size_t i = 0; i < bound.results.size(); ++i) {
        results[i] = bound.results[i].at(row, col, scratch);
        wanted = wanted || results[i].data != nullptr;
      }
      if (!wanted) continue;
      const bool whole = step.cols == program_.cols;
      step.run({.operands = operands.data(),
                .results = results.data(),
                .rows = step.rows == 1 ? 1 : count,
                .cols = whole ? width : step.cols,
                .first = row * step.cols + (whole ? col : 0),
                .pitch = step.cols,
                .params = &step.params});
    }
    for (const Copy& copy : copies_) copy_tile(copy, row, count, col, width, scratch);
  }

  struct Copy {
    BoundArg from;
    BoundArg to;
    std::int64_t cols;
  };

  void copy_tile(const Copy& copy, std::int64_t row, std::int64_t count, std::int64_t col,
                 std::int64_t width, float* scratch) const {
    const RowArg from = copy.from.at(row, col, scratch);
    const RowArg to = copy.to.at(row, col, scratch);
    const std::int64_t cols = copy.cols == program_.cols ? width : copy.cols;
    const std::int64_t bytes = copy.to.bytes;
    for (std::int64_t r = 0; r < count; ++r) {
      std::memcpy(reinterpret_cast<std::byte*>(to.data) + r * to.row_stride * bytes,
                  reinterpret_cast<const std::byte*>(from.data) + r * from.row_stride * bytes,
                  static_cast<std::size_t>(cols * bytes));
    }
  }

  RowProgram program_;
  std::int64_t chunks_;
  std::int64_t blocks_;
  std::vector<BoundStep> steps_;
  std::vector<bool> behind_;  // by result: computed in scratch, then copied
  std::vector<Copy> copies_;
};

}  // namespace

std::unique_ptr<Kernel> make_row_kernel(RowProgram program, const KernelArgs& args) {
  return std::make_unique<RowKernel>(std::move(program), args);
}

KernelRow row_kernel() {
  return {
      .supports = [](const ir::Graph& graph,
                     const ir::Node& node) { return compile_rows(graph, node).has_value(); },
      .workspace = [](const ir::Graph& graph, const ir::Node& node, int threads) -> std::int64_t {
        const auto program = compile_rows(graph, node);
        return program ? program->scratch_bytes * threads : 0;
      },
      .create = [](const ir::Graph& graph, const ir::Node& node,
                   const KernelArgs& args) -> std::unique_ptr<Kernel> {
        std::optional<RowProgram> program = compile_rows(graph, node);
        ir::internal_check(program.has_value(), "not a row op");
        return make_row_kernel(*std::move(program), args);
      }};
}

}  // namespace gptc::onednn
