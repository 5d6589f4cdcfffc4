#include "backends/onednn/row_program.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "backends/onednn/row_layout.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"

namespace gptc::onednn {
namespace {

using ir::OpKind;

constexpr std::int64_t tile_floats = 6 * 1024;           // 24 KB of temporaries: most of L1
constexpr std::int64_t max_scratch_floats = 256 * 1024;  // rows longer than this are refused
constexpr std::int64_t item_elements = 32 * 1024;
constexpr std::int64_t least_item_elements = 2 * 1024;
constexpr std::int64_t split_cols = 4096;  // longer rows are cut if no op looks along them
constexpr std::int64_t chunk_cols = 1024;
constexpr std::size_t forever = static_cast<std::size_t>(-1);

constexpr std::int64_t round_up(std::int64_t value, std::int64_t to) {
  return (value + to - 1) / to * to;
}

template <class T>
void copy_rows(const RowTile& tile) {
  const RowArg& from = tile.operands[0];
  const RowArg& to = tile.results[0];
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    std::memcpy(reinterpret_cast<T*>(to.data) + r * to.row_stride,
                reinterpret_cast<const T*>(from.data) + r * from.row_stride,
                static_cast<std::size_t>(tile.cols) * sizeof(T));
  }
}

bool pointwise(const RowOp& op) { return op.operands.empty() || op.operands[0] == RowRole::any; }

class Compiler {
 public:
  Compiler(const ir::Graph& body, const RowLayouts& layouts) : body_(body), layouts_(layouts) {}

  std::optional<RowProgram> compile(std::int64_t rows) {
    program_.rows = rows;
    for (const ir::NodeId id : ir::topological_order(body_)) {
      if (!body_[id].results.empty()) place(id);
    }
    if (!find_results()) return std::nullopt;
    find_last_reads();
    for (std::size_t step = 0; step < nodes_.size(); ++step) add_step(step);
    for (std::size_t i = 0; i < body_.outputs().size(); ++i) add_copy(i);
    cut();
    if (program_.scratch_bytes > max_scratch_floats * 4) return std::nullopt;
    return std::move(program_);
  }

 private:
  struct Home {
    RowPlace place;
    bool placed = false;
    bool released = false;
    std::size_t last_read = 0;
  };

  const RowLayout& layout(ir::Value value) const {
    return layouts_[value.node.index][value.result];
  }
  std::int64_t bytes(ir::Value value) const { return ir::dtype_bytes(body_.type(value).dtype); }
  /// The value itself, seen through reshapes.
  ir::Value root(ir::Value value) const {
    while (body_[value.node].kind == OpKind::reshape) value = body_[value.node].operands[0];
    return value;
  }

  // Inputs and constants have places from the start; the other ops become steps.
  void place(ir::NodeId id) {
    const ir::Node& node = body_[id];
    if (node.kind == OpKind::reshape) return;
    const ir::Value value{id, 0};
    if (node.kind == OpKind::constant) {
      homes_[value] = {{RowPlace::Base::constant, program_.constants.size(), {1, 1, true}}, true};
      program_.constants.push_back(static_cast<float>(node.attrs.real("value")));
    } else if (node.kind != OpKind::input) {
      nodes_.push_back(id);
      pointwise_ = pointwise_ && pointwise(*find_row_op(node.kind));
    }
    for (std::uint32_t result = 0; result < node.results.size(); ++result) {
      const RowLayout& at = layout({id, result});
      program_.cols = std::max(program_.cols, at.cols);
      if (at.rows > 1 && at.rows < program_.rows) {
        program_.period = program_.period == 1 ? at.rows : std::min(program_.period, at.rows);
      }
    }
  }

  // The first output of a computed value is where it lives; further ones are copies.
  bool find_results() {
    const auto& inputs = body_.inputs();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const ir::Value value{inputs[i], 0};
      homes_[value] = {{RowPlace::Base::operand, i, layout(value), bytes(value)}, true};
      program_.operands.push_back(layout(value));
    }
    program_.last_reads.assign(inputs.size(), 0);
    for (std::size_t i = 0; i < body_.outputs().size(); ++i) {
      const ir::Value value = body_.outputs()[i].value;
      const RowLayout& at = layout(value);
      if (at.rows != program_.rows || at.rows * at.cols != body_.type(value).shape.numel())
        return false;
      program_.results.push_back({0, std::nullopt, at, bytes(value)});
      if (at.cols != program_.cols) equal_widths_ = false;
      Home& home = homes_[root(value)];
      if (!home.placed) home = {{RowPlace::Base::result, i, at, bytes(value)}, true};
    }
    return true;
  }

  void find_last_reads() {
    for (std::size_t step = 0; step < nodes_.size(); ++step) {
      for (const ir::Value operand : body_[nodes_[step]].operands) {
        Home& home = homes_[root(operand)];
        home.last_read = step;
        if (home.placed && home.place.base == RowPlace::Base::operand) {
          program_.last_reads[home.place.index] = step;
          last_operand_read_ = step;
        }
      }
    }
    for (const ir::Output& output : body_.outputs()) {
      homes_[root(output.value)].last_read = forever;
      const Home& home = homes_[root(output.value)];
      if (home.place.base != RowPlace::Base::operand) continue;
      program_.last_reads[home.place.index] = last_operand_read_ = forever;
    }
  }

  std::size_t new_slot(std::int64_t width) {
    const auto found =
        std::ranges::find_if(free_, [&](std::size_t slot) { return widths_[slot] == width; });
    if (found != free_.end()) {
      const std::size_t slot = *found;
      free_.erase(found);
      return slot;
    }
    widths_.push_back(width);
    return widths_.size() - 1;
  }

  /// Slots read for the last time; `same` restricts to those that a result may overwrite at once.
  void release(std::size_t step, const RowLayout* same) {
    for (const ir::Value operand : body_[nodes_[step]].operands) {
      Home& home = homes_[root(operand)];
      const RowLayout& at = home.place.layout;
      if (home.place.base != RowPlace::Base::scratch || home.last_read != step) continue;
      if (home.released || (same != nullptr && (at.rows != same->rows || at.cols != same->cols)))
        continue;
      home.released = true;
      free_.push_back(home.place.index);
    }
  }

  void place_result(std::size_t step, ir::Value value) {
    Home& home = homes_[value];
    if (!home.placed) {
      home.place = {RowPlace::Base::scratch, new_slot(layout(value).cols), layout(value),
                    bytes(value)};
      home.placed = true;
      if (home.last_read <= step) unread_.push_back(home.place.index);
      return;
    }
    // A result that is read again, or may overwrite an operand that is, needs a slot behind it.
    RowResult& result = program_.results[home.place.index];
    result.step = step;
    const bool read_again = reads_after(step, value);
    if (read_again || last_operand_read_ > step) result.slot = new_slot(layout(value).cols);
  }

  bool reads_after(std::size_t step, ir::Value value) const {
    for (std::size_t later = step + 1; later < nodes_.size(); ++later) {
      for (const ir::Value operand : body_[nodes_[later]].operands)
        if (root(operand) == value) return true;
    }
    const auto copies = std::ranges::count_if(
        body_.outputs(), [&](const ir::Output& output) { return root(output.value) == value; });
    return copies > 1;
  }

  void add_step(std::size_t index) {
    const ir::NodeId id = nodes_[index];
    const ir::Node& node = body_[id];
    const RowOp& op = *find_row_op(node.kind);
    RowStep step{.run = op.run, .params = row_params(node)};
    if (node.kind == OpKind::cast) {
      step.run = cast_rows(body_.type(node.operands[0]).dtype, node.results[0].dtype);
    }
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      RowPlace place = homes_[root(node.operands[i])].place;
      place.layout = layout(node.operands[i]);
      step.rows = std::max(step.rows, place.layout.rows);
      step.cols = std::max(step.cols, place.layout.cols);
      step.operands.push_back(place);
    }
    if (pointwise(op)) release(index, &layout({id, 0}));
    for (std::uint32_t result = 0; result < node.results.size(); ++result) {
      place_result(index, {id, result});
      step.results.push_back(homes_[{id, result}].place);
    }
    release(index, nullptr);
    for (const std::size_t slot : unread_) free_.push_back(slot);
    unread_.clear();
    program_.steps.push_back(std::move(step));
  }

  void add_copy(std::size_t index) {
    const ir::Value value = body_.outputs()[index].value;
    const RowPlace& from = homes_[root(value)].place;
    if (from.base == RowPlace::Base::result && from.index == index) return;
    const RowLayout& at = layout(value);
    program_.results[index].step = program_.steps.size();
    const bool half = bytes(value) == 2;
    RowStep step{.run = half ? copy_rows<std::uint16_t> : copy_rows<float>,
                 .operands = {from},
                 .rows = at.rows,
                 .cols = at.cols};
    step.results.push_back({RowPlace::Base::result, index, at, bytes(value)});
    program_.steps.push_back(std::move(step));
  }

  /// Small regions, as in decoding a batch, are shared out too.
  static std::int64_t elements_of_item(const RowProgram& p) {
    return std::clamp(p.rows * p.cols / 8, least_item_elements, item_elements);
  }

  void cut() {
    RowProgram& p = program_;
    const bool split = pointwise_ && equal_widths_ && p.cols > split_cols;
    p.chunk = p.cols;
    if (split) p.chunk = widths_.empty() ? item_elements : chunk_cols;
    p.chunk = std::min(p.chunk, p.cols);
    std::int64_t row_floats = 0;
    for (std::int64_t& width : widths_) {
      if (width == p.cols) width = p.chunk;
      row_floats += width;
    }
    p.item_rows = std::clamp<std::int64_t>(elements_of_item(p) / p.chunk, 1, p.rows);
    p.tile_rows = p.item_rows;
    if (row_floats > 0) {
      p.tile_rows = std::clamp<std::int64_t>(tile_floats / row_floats, 1, p.item_rows);
      p.item_rows = std::min(round_up(p.item_rows, p.tile_rows), p.rows);
    }
    if (p.period > 1) p.tile_rows = std::min(p.tile_rows, p.period);
    std::int64_t floats = 0;
    for (const std::int64_t width : widths_) {
      p.slot_offsets.push_back(floats);
      floats += round_up(p.tile_rows * width, 16);
    }
    p.scratch_bytes = floats * static_cast<std::int64_t>(sizeof(float));
  }

  const ir::Graph& body_;
  const RowLayouts& layouts_;
  RowProgram program_;
  std::vector<ir::NodeId> nodes_;  // by step
  std::map<ir::Value, Home> homes_;
  std::vector<std::int64_t> widths_;  // by slot
  std::vector<std::size_t> free_;
  std::vector<std::size_t> unread_;
  std::size_t last_operand_read_ = 0;
  bool pointwise_ = true;
  bool equal_widths_ = true;
};

/// Of the body's nodes; the value may be an output, too.
bool only_casts_read(const ir::Graph& body, ir::Value value) {
  const auto uses = body.uses(value);
  return std::ranges::all_of(
      uses, [&](const ir::Use& use) { return body[use.node].kind == OpKind::cast; });
}

bool types_fit(const ir::Graph& body) {
  return std::ranges::all_of(body.nodes(), [&](ir::NodeId id) {
    const ir::Node& node = body[id];
    if (node.kind == OpKind::input && !ir::is_float(node.results[0].dtype)) {
      // A counter, as row ops take one.
      const auto uses = body.uses({id, 0});
      return std::ranges::all_of(uses, [&](const ir::Use& use) {
        const RowOp* op = find_row_op(body[use.node].kind);
        return op != nullptr && !op->operands.empty() &&
               op->operands[use.operand] == RowRole::counter;
      });
    }
    if (node.kind == OpKind::cast)
      return cast_rows(body.type(node.operands[0]).dtype, node.results[0].dtype) != nullptr &&
             (node.results[0].dtype == ir::DType::f32 || only_casts_read(body, {id, 0}));
    if (node.kind == OpKind::input && node.results[0].dtype == ir::DType::bf16)
      return body.use_count({id, 0}) == body.uses({id, 0}).size() && only_casts_read(body, {id, 0});
    return std::ranges::all_of(node.results,
                               [](const ir::Type& type) { return type.dtype == ir::DType::f32; });
  });
}

}  // namespace

std::optional<RowProgram> compile_rows(const ir::Graph& body) {
  if (body.outputs().empty() || !types_fit(body)) return std::nullopt;
  const ir::Shape leading = region_rows(body);
  const std::optional<RowLayouts> layouts = row_layouts(body, leading);
  if (!layouts) return std::nullopt;
  return Compiler(body, *layouts).compile(leading.numel());
}

std::optional<RowProgram> compile_rows(const ir::Graph& graph, const ir::Node& node) {
  if (find_row_op(node.kind) == nullptr) return std::nullopt;
  ir::Graph body;
  ir::Node copy = node;
  for (std::size_t i = 0; i < node.operands.size(); ++i)
    copy.operands[i] = body.add_input(fmt::format("a{}", i), graph.type(node.operands[i]));
  const auto results = static_cast<std::uint32_t>(node.results.size());
  const ir::NodeId id = body.add_node(std::move(copy));
  for (std::uint32_t i = 0; i < results; ++i)
    body.outputs().push_back({fmt::format("r{}", i), ir::Value{id, i}});
  return compile_rows(body);
}

}  // namespace gptc::onednn
