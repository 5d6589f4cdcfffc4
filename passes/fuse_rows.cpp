#include "passes/fuse_rows.h"

#include <algorithm>
#include <map>
#include <set>

#include "ir/builder.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"
#include "passes/fuse_epilogue.h"
#include "passes/fusion.h"

namespace gptc::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpKind;
using ir::Value;

constexpr std::size_t most_ops = 12;  // so that a tile of all values stays in the first-level cache

class RowFuser {
 public:
  RowFuser(Graph& graph, const PassContext& context)
      : graph_(graph), context_(context), first_new_(graph.slots()) {}

  bool run() {
    const std::vector<NodeId> nodes = graph_.nodes();
    bool changed = false;
    for (const bool reductions : {true, false}) {
      for (const NodeId id : nodes) {
        const bool elementwise =
            graph_.alive(id) && ir::op_def(graph_[id]).has(ir::Trait::elementwise);
        if (graph_.alive(id) && elementwise != reductions && eligible(id)) changed |= fuse_at(id);
      }
    }
    if (changed) graph_.compact();
    return changed;
  }

 private:
  /// The shape whose rows a region works on.
  const ir::Shape& rows(NodeId id) const { return graph_[id].results[0].shape; }

  bool eligible(NodeId id) const {
    if (id.index >= first_new_) return false;
    const Node& node = graph_[id];
    if (node.operands.empty() || !ir::is_row_local(graph_, id) ||
        ir::op_def(node).has(ir::Trait::view)) {
      return false;
    }
    const ir::Type& type = node.results[0];
    return in_f32(node) && type.shape.rank() >= 2 && !better_as_epilogue(id) &&
           !widens_for_epilogue(id);
  }

  /// Regions compute in f32; a cast may bring bf16 in or take it out.
  bool in_f32(const Node& node) const {
    const ir::DType dtype = node.results[0].dtype;
    if (node.kind != OpKind::cast) return dtype == ir::DType::f32;
    const ir::DType from = graph_.type(node.operands[0]).dtype;
    return (dtype == ir::DType::f32 && from == ir::DType::bf16) ||
           (dtype == ir::DType::bf16 && from == ir::DType::f32);
  }

  /// A bias or product on a matmul's result; sums are left to the rows, which read them anyway.
  bool better_as_epilogue(NodeId id) const {
    return std::any_of(graph_[id].operands.begin(), graph_[id].operands.end(), [&](Value operand) {
      const bool residual =
          graph_[id].kind == OpKind::add &&
          graph_.type(graph_[id].operands[0]) == graph_.type(graph_[id].operands[1]);
      return !residual && fits_epilogue(graph_, operand, id);
    });
  }

  /// An epilogue reads the bf16 itself.
  bool widens_for_epilogue(NodeId id) const {
    const Node& node = graph_[id];
    if (node.kind != OpKind::cast || node.results[0].dtype != ir::DType::f32) return false;
    const auto uses = graph_.uses({id, 0});
    return std::any_of(uses.begin(), uses.end(),
                       [&](const ir::Use& use) { return better_as_epilogue(use.node); });
  }

  /// No path may leave the region and enter it again.
  bool convex(const std::set<NodeId>& region) const {
    std::vector<NodeId> after;
    for (const NodeId member : region) {
      for (std::uint32_t r = 0; r < graph_[member].results.size(); ++r) {
        for (const ir::Use& use : graph_.uses({member, r})) {
          if (!region.contains(use.node)) after.push_back(use.node);
        }
      }
    }
    const std::vector<bool> reached = ir::reachable(graph_, after, ir::Direction::to_users);
    return std::none_of(region.begin(), region.end(), [&](NodeId id) { return reached[id.index]; });
  }

  std::set<NodeId> neighbours(NodeId id) const {
    std::set<NodeId> found;
    for (const Value operand : graph_[id].operands) found.insert(operand.node);
    for (std::uint32_t r = 0; r < graph_[id].results.size(); ++r) {
      for (const ir::Use& use : graph_.uses({id, r})) found.insert(use.node);
    }
    return found;
  }

  std::set<NodeId> grow(NodeId anchor) const {
    std::set<NodeId> region = {anchor};
    std::vector<NodeId> open = {anchor};
    while (!open.empty()) {
      const NodeId member = open.back();
      open.pop_back();
      for (const NodeId next : neighbours(member)) {
        if (region.size() == most_ops) return region;
        if (region.contains(next) || !eligible(next) || rows(next) != rows(anchor)) continue;
        region.insert(next);
        if (convex(region)) {
          open.push_back(next);
        } else {
          region.erase(next);
        }
      }
    }
    return region;
  }

  bool fuse_at(NodeId anchor) {
    Attempt attempt(context_, "fuse_rows", graph_, anchor);
    const std::set<NodeId> region = grow(anchor);
    if (!attempt.require(region.size() > 1,
                         "a neighbour must be row-local on rows of the same shape", "none") ||
        !attempt.require(is_read(region), "a result must be read", "dead code")) {
      return false;
    }
    std::string names;
    for (const NodeId id : region)
      names += fmt::format("{}{}", names.empty() ? "" : ", ", op_name(graph_, id));
    replace_region(region, graph_[anchor].origin);
    attempt.applied(names);
    return true;
  }

  void replace_region(const std::set<NodeId>& region, const ir::Origin& origin) {
    auto body = std::make_shared<Graph>("body");
    ir::Builder inner(*body);
    std::map<Value, Value> inside;
    std::vector<Value> operands;
    for (const NodeId id : region) {
      for (const Value operand : graph_[id].operands) {
        if (region.contains(operand.node) || inside.contains(operand)) continue;
        if (graph_.node(operand).kind == OpKind::constant) {
          inside[operand] = {inner.clone(graph_.node(operand), {}), 0};
          continue;
        }
        inside[operand] =
            body->add_input(fmt::format("a{}", operands.size()), graph_.type(operand));
        operands.push_back(operand);
      }
    }
    std::vector<Value> results;
    for (const NodeId id : region) {  // ids of the old nodes are topological
      std::vector<Value> mapped;
      for (const Value operand : graph_[id].operands) mapped.push_back(inside.at(operand));
      const NodeId made = inner.clone(graph_[id], std::move(mapped));
      for (std::uint32_t r = 0; r < graph_[id].results.size(); ++r) {
        inside[{id, r}] = {made, r};
        if (!read_outside({id, r}, region)) continue;
        body->outputs().push_back({fmt::format("r{}", results.size()), {made, r}});
        results.push_back({id, r});
      }
    }
    body->compact();
    ir::Builder builder(graph_);
    builder.set_origin(origin);
    const NodeId fused = builder.node(OpKind::row_fused, std::move(operands), {}, std::move(body));
    for (std::uint32_t i = 0; i < results.size(); ++i) graph_.replace_uses(results[i], {fused, i});
    for (auto id = region.rbegin(); id != region.rend(); ++id) graph_.erase(*id);
  }

  bool is_read(const std::set<NodeId>& region) const {
    return std::any_of(region.begin(), region.end(), [&](NodeId id) {
      const std::size_t count = graph_[id].results.size();
      for (std::uint32_t r = 0; r < count; ++r) {
        if (read_outside({id, r}, region)) return true;
      }
      return false;
    });
  }

  bool read_outside(Value value, const std::set<NodeId>& region) const {
    const auto uses = graph_.uses(value);
    return graph_.use_count(value) > uses.size() ||
           std::any_of(uses.begin(), uses.end(),
                       [&](const ir::Use& use) { return !region.contains(use.node); });
  }

  Graph& graph_;
  const PassContext& context_;
  std::size_t first_new_;  // ids from here on are regions already fused
};

}  // namespace

bool fuse_rows(Graph& graph, const PassContext& context) {
  graph.compact();
  return RowFuser(graph, context).run();
}

}  // namespace gptc::passes
