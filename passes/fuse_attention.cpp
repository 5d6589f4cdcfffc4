#include "passes/fuse_attention.h"

#include <cmath>
#include <limits>

#include "ir/builder.h"
#include "passes/fusion.h"
#include "passes/rewrite.h"

namespace gptc::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpKind;
using ir::Value;

const ir::Ints heads_to_front = {0, 2, 1, 3};

/// x[B,T,H·D] of transpose(reshape(x, [B,T,H,D]), [0,2,1,3]).
std::optional<Value> before_heads(const Graph& graph, Value heads) {
  const Node& moved = graph.node(heads);
  if (moved.kind != OpKind::transpose || moved.attrs.ints("perm") != heads_to_front)
    return std::nullopt;
  const Node& parts = graph.node(moved.operands[0]);
  if (parts.kind != OpKind::reshape) return std::nullopt;
  const ir::Shape& whole = graph.type(parts.operands[0]).shape;
  const ir::Shape& split = parts.results[0].shape;
  if (whole.rank() != 3 || split.rank() != 4 || whole[0] != split[0] || whole[1] != split[1]) {
    return std::nullopt;
  }
  return parts.operands[0];
}

/// What surrounds a softmax, upwards and downwards.
struct Pattern {
  Value q, k, v;
  std::int64_t heads = 0;
  double scale = 1;
  bool causal = false;
  double p = 0;
  std::uint64_t rng_key = 0;
  std::optional<Value> counter;
  Value result;  // [B,T,H·D]
};

class Matcher {
 public:
  Matcher(const Graph& graph, Attempt& attempt) : graph_(graph), attempt_(attempt) {}

  std::optional<Pattern> match(NodeId softmax) {
    if (up(graph_[softmax].operands[0]) && down({softmax, 0})) return found_;
    return std::nullopt;
  }

 private:
  bool private_to_us(Value value, std::string_view what) {
    return attempt_.require(graph_.use_count(value) == 1,
                            fmt::format("the {} must have one use", what),
                            std::to_string(graph_.use_count(value)));
  }

  bool up(Value scores) {
    const Node* node = &graph_.node(scores);
    if (node->kind == OpKind::causal_mask) {
      const double fill = node->attrs.real("fill");
      if (!attempt_.require(fill == -std::numeric_limits<double>::infinity(),
                            "the mask must fill with -inf", fmt::format("{}", fill)) ||
          !private_to_us(scores, "masked score")) {
        return false;
      }
      found_.causal = true;
      scores = node->operands[0];
      node = &graph_.node(scores);
    }
    if (node->kind == OpKind::mul) {
      const auto scale = constant_value(graph_, node->operands[1]);
      if (!attempt_.require(scale && std::isfinite(*scale), "the scale must be a constant",
                            op_name(graph_, node->operands[1].node)) ||
          !private_to_us(scores, "scaled score")) {
        return false;
      }
      found_.scale = *scale;
      scores = node->operands[0];
      node = &graph_.node(scores);
    }
    return attempt_.require(node->kind == OpKind::matmul, "the scores must come from a matmul",
                            op_name(graph_, scores.node)) &&
           private_to_us(scores, "score") && match_queries_and_keys(*node);
  }

  bool match_queries_and_keys(const Node& product) {
    const bool plain = !product.attrs.flag("transpose_a") && product.attrs.flag("transpose_b") &&
                       product.attrs.strings("epilogue").empty();
    const auto q = before_heads(graph_, product.operands[0]);
    const auto k = before_heads(graph_, product.operands[1]);
    if (!attempt_.require(plain, "the scores must be q · kᵀ", "another matmul") ||
        !attempt_.require(q && k, "q and k must be [B,T,C] split into heads [B,H,T,D]",
                          product.results[0].text())) {
      return false;
    }
    found_.q = *q;
    found_.k = *k;
    found_.heads = product.results[0].shape[1].size();
    return true;
  }

  bool down(Value probabilities) {
    auto user = only_user(graph_, probabilities);
    if (!attempt_.require(user.has_value(), "the probabilities must have one use", "several"))
      return false;
    if (graph_[*user].kind == OpKind::dropout) {
      const Node& drop = graph_[*user];
      found_.p = drop.attrs.real("p");
      if (found_.p > 0) {  // attention without dropout has no counter
        found_.rng_key = drop.attrs.key("rng_key");
        found_.counter = drop.operands[1];
      }
      probabilities = {*user, 0};
      user = only_user(graph_, probabilities);
      if (!attempt_.require(user.has_value(), "the dropped probabilities must have one use",
                            "several")) {
        return false;
      }
    }
    const Node& product = graph_[*user];
    const bool plain = product.kind == OpKind::matmul && product.operands[0] == probabilities &&
                       !product.attrs.flag("transpose_a") && !product.attrs.flag("transpose_b") &&
                       product.attrs.strings("epilogue").empty();
    if (!attempt_.require(plain, "the probabilities must go into a matmul with v",
                          op_name(graph_, *user))) {
      return false;
    }
    const auto v = before_heads(graph_, product.operands[1]);
    if (!attempt_.require(v && graph_.type(*v) == graph_.type(found_.k),
                          "v must be like k, split into heads",
                          graph_.type(product.operands[1]).text())) {
      return false;
    }
    found_.v = *v;
    return merged({*user, 0});
  }

  /// reshape(transpose(y, [0,2,1,3]), [B,T,C])
  bool merged(Value mixed) {
    const auto moved = only_user(graph_, mixed);
    const bool turned = moved && graph_[*moved].kind == OpKind::transpose &&
                        graph_[*moved].attrs.ints("perm") == heads_to_front;
    if (!attempt_.require(turned, "the result's heads must be moved back",
                          moved ? op_name(graph_, *moved) : "several uses")) {
      return false;
    }
    const auto joined = only_user(graph_, {*moved, 0});
    const bool whole = joined && graph_[*joined].kind == OpKind::reshape &&
                       graph_[*joined].results[0] == graph_.type(found_.q);
    if (!attempt_.require(whole, "the result's heads must be merged to q's shape",
                          joined ? graph_[*joined].results[0].text() : "several uses")) {
      return false;
    }
    found_.result = {*joined, 0};
    return true;
  }

  const Graph& graph_;
  Attempt& attempt_;
  Pattern found_;
};

bool fuse_at(Graph& graph, NodeId softmax, const PassContext& context) {
  Attempt attempt(context, "fuse_attention", graph, softmax);
  const auto found = Matcher(graph, attempt).match(softmax);
  if (!found) return false;
  ir::Builder builder(graph);
  builder.set_origin(graph[softmax].origin);
  std::vector<Value> operands = {found->q, found->k, found->v};
  if (found->counter) operands.push_back(*found->counter);
  const NodeId made = builder.node(OpKind::attention, std::move(operands),
                                   {{"heads", found->heads},
                                    {"scale", found->scale},
                                    {"causal", found->causal},
                                    {"p", found->p},
                                    {"rng_key", found->rng_key}});
  replace(graph, found->result, {made, 0});
  attempt.applied(fmt::format("into attention with {} heads", found->heads));
  return true;
}

}  // namespace

bool fuse_attention(Graph& graph, const PassContext& context) {
  bool changed = false;
  for (const NodeId id : graph.nodes()) {
    if (graph.alive(id) && graph[id].kind == OpKind::softmax)
      changed |= fuse_at(graph, id, context);
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes
