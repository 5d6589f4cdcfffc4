// Private to ir/graph*.cpp: the nodes beside Boost.Graph's structure.
#pragma once

#include <boost/graph/adjacency_list.hpp>
#include <deque>
#include <unordered_map>

#include "ir/graph.h"

namespace gptc::ir {

struct EdgeInfo {
  std::uint32_t operand = 0;  // of the consumer
  std::uint32_t result = 0;   // of the producer
};

/// Edges run producer → consumer. vecS vertices make ids dense and orders deterministic; vecS edges
/// allow x*x.
using Structure = boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS,
                                        boost::no_property, EdgeInfo>;

struct Graph::Impl {
  std::string name;
  Structure structure;
  std::deque<Node> nodes;   // by id; a deque keeps references while nodes are added
  std::vector<char> alive;  // by id
  std::vector<NodeId> inputs;
  std::unordered_map<std::string, NodeId> states;
  std::vector<Output> outputs;
  std::vector<Update> updates;
};

}  // namespace gptc::ir
