#include "passes/segments.h"

#include <algorithm>
#include <cstdint>

#include "ir/op_def.h"

namespace gptc::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Value;

/// When a forward node's results are read by the forward pass, and how many bytes they are.
struct Span {
  NodeId node;
  std::uint32_t last = 0;  // reader
  std::int64_t bytes = 0;
};

std::vector<Span> spans_of(const Graph& graph, const ForwardPass& forward) {
  std::vector<std::vector<std::uint32_t>> last(graph.slots());
  for (const NodeId id : graph.nodes()) {
    last[id.index].assign(graph[id].results.size(), id.index);
    if (!forward.nodes[id.index] || ir::op_def(graph[id]).has(ir::Trait::view)) continue;
    for (const Value operand : graph[id].operands) {
      const Value root = forward.root(operand);
      last[root.node.index][root.result] = id.index;
    }
  }
  std::vector<Span> spans;
  for (const NodeId id : graph.nodes()) {
    const ir::Node& node = graph[id];
    const bool given = node.kind == ir::OpKind::input || node.kind == ir::OpKind::state;
    if (!forward.nodes[id.index] || given || ir::op_def(node).has(ir::Trait::view)) continue;
    for (std::uint32_t r = 0; r < node.results.size(); ++r) {
      if (last[id.index][r] > id.index)
        spans.push_back({id, last[id.index][r], node.results[r].bytes()});
    }
  }
  return spans;
}

/// By step: bytes that forward nodes up to it leave to those behind it.
std::vector<std::int64_t> widths_of(const Graph& graph, const std::vector<Span>& spans) {
  std::vector<std::int64_t> widths(graph.slots() + 1);
  for (const Span& span : spans) {
    widths[span.node.index] += span.bytes;
    widths[span.last] -= span.bytes;
  }
  for (std::size_t i = 1; i < widths.size(); ++i) widths[i] += widths[i - 1];
  return widths;
}

struct Valley {
  std::uint32_t end = 0;  // the last step before it widens
  std::int64_t width = 0;
};

/// Between a fall and a rise by a quarter at least.
std::vector<Valley> valleys_of(const std::vector<std::int64_t>& widths) {
  std::vector<Valley> valleys;
  Valley here;
  std::int64_t top = 0;
  bool falling = false;
  for (std::uint32_t i = 0; i < widths.size(); ++i) {
    const std::int64_t width = widths[i];
    if (!falling) {
      top = std::max(top, width);
      falling = width < top - top / 5;
      here = {i, width};
    } else if (width <= here.width + here.width / 16) {
      here = {i, std::min(here.width, width)};
    } else if (width > here.width + here.width / 4) {
      valleys.push_back(here);
      top = width;
      falling = false;
    }
  }
  return valleys;
}

/// Valleys no wider than usual.
std::vector<std::uint32_t> places_of(const Graph& graph, const std::vector<Span>& spans) {
  const std::vector<Valley> valleys = valleys_of(widths_of(graph, spans));
  std::vector<std::int64_t> widths;
  widths.reserve(valleys.size());
  for (const Valley& valley : valleys) widths.push_back(valley.width);
  std::sort(widths.begin(), widths.end());
  std::vector<std::uint32_t> places;
  for (const Valley& valley : valleys) {
    const std::int64_t usual = widths[widths.size() / 2];
    if (valley.width <= usual + usual / 16) places.push_back(valley.end);
  }
  return places;
}

}  // namespace

NodeSet allowed_between(const Graph& graph, const ForwardPass& forward, std::size_t stride) {
  NodeSet allowed = forward.candidates;
  if (stride == 0) return allowed;
  const std::vector<Span> spans = spans_of(graph, forward);
  const std::vector<std::uint32_t> places = places_of(graph, spans);
  for (std::size_t i = stride - 1; i < places.size(); i += stride) {
    for (const Span& span : spans) {
      if (span.node.index <= places[i] && span.last > places[i]) allowed[span.node.index] = false;
    }
  }
  return allowed;
}

std::size_t narrow_places(const Graph& graph, const ForwardPass& forward) {
  return places_of(graph, spans_of(graph, forward)).size();
}

}  // namespace gptc::passes
