// An op is one row: everything generic (printing, parsing, verifying, autodiff, passes) derives
// from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace gptc::ir {

class Builder;

enum Trait : std::uint32_t {
  none = 0,
  elementwise = 1 << 0,  // element i of a result depends on elements i of the (broadcast) operands
  row_local =
      1 << 1,  // a row (last axis) of a result depends on the same rows of the operands,
               // and on whole operands that have one row only; elementwise ops are row_local too
  commutative = 1 << 2,  // the first two operands may change places
  random = 1 << 3,       // has rng_key and a counter operand
  view = 1 << 4,         // the result is the operand's bytes under another type
  cheap = 1 << 5,        // worth recomputing rather than keeping
  source = 1 << 6,       // no operands; not merged or moved by passes unless they know it
  broadcasts = 1 << 7,   // operands follow broadcast_shapes; vjp may return the broadcast shape
};
using Traits = std::uint32_t;

enum class Arity : std::uint8_t { one, optional, variadic };

struct OperandSpec {
  std::string_view name;
  Arity arity = Arity::one;  // optional and variadic ones come last
};

struct AttrSpec {
  std::string_view name;
  AttrKind kind;
  std::optional<AttrValue> fallback;  // none: required
  std::string_view doc;
};

/// What infer sees; check() raises a UserError `op: rule, but got value` with the DSL's line and
/// scope.
struct InferContext {
  OpKind kind;
  std::span<const Type> operands;
  const Attrs& attrs;
  const Graph* body = nullptr;
  const Origin& origin;

  const Type& operand(std::size_t i) const { return operands[i]; }
  void check(bool holds, std::string_view rule, std::string_view got) const {
    if (!holds) fail(rule, got);
  }
  [[noreturn]] void fail(std::string_view rule, std::string_view got) const;
};
using InferFn = std::vector<Type> (*)(const InferContext&);

/// Gradients of the operands from those of the results (nothing: zero). One entry per operand;
/// nothing where an operand has no gradient by nature (ids, counters). Broadcast sums are made by
/// the caller.
struct VjpContext {
  Builder& builder;  // inserts into the same graph
  const Graph& graph;
  NodeId node;
  std::span<const std::optional<Value>> grads;

  Value operand(std::size_t i) const { return graph[node].operands[i]; }
  Value result(std::uint32_t i) const { return {node, i}; }
  const Attrs& attrs() const { return graph[node].attrs; }
};
using VjpFn = std::vector<std::optional<Value>> (*)(const VjpContext&);

/// The same computation from ops nearer to the core, built by `builder` on `operands`; one value
/// per result. Empty: this node is core as it is (a matmul without epilogue).
using DecomposeFn = std::vector<Value> (*)(Builder& builder, const Node& node,
                                           std::span<const Value> operands);

/// The result may be written over the operand's bytes, if nothing reads them later.
struct InPlace {
  std::uint32_t result;
  std::size_t operand;
};

/// The same where it depends on the node which operand that is.
using InPlaceFn = std::vector<InPlace> (*)(const Node&);

/// A forward op that another op computes on its way: if `by` has the same leading operands and
/// attributes, its result takes the place of ours (gelu by gelu_with_grad).
struct ComputedBy {
  OpKind by;
  std::uint32_t result;     // ours
  std::uint32_t by_result;  // theirs
};

/// What bf16 mixed precision does to an op. Everything not named stays f32; sums always do.
struct Precision {
  std::vector<std::size_t> operands = {};   // may be read as bf16
  std::vector<std::uint32_t> results = {};  // are worth keeping in bf16 where they are read later
};

/// A value of a graph that runs on a chunk of new positions. `axis`: where the chunk's positions
/// stand; none: the value is the same for all positions.
struct Positioned {
  Value value;
  std::optional<std::size_t> axis = {};
};

/// What an op's incremental rule sees of a node of the whole graph, whose positions are the named
/// dimension T, and what it builds with. It makes N rows where the whole graph has T.
class Incremental {
 public:
  Incremental(Builder& b, const Graph& whole_graph, NodeId whole_node,
              std::span<const Positioned> new_operands)
      : builder(b), graph(whole_graph), node(whole_node), operands(new_operands) {}
  Incremental(const Incremental&) = delete;
  Incremental& operator=(const Incremental&) = delete;
  virtual ~Incremental() = default;

  Builder& builder;  // of the graph that is made
  const Graph& graph;
  NodeId node;
  std::span<const Positioned> operands;

  const Attrs& attrs() const { return graph[node].attrs; }
  virtual Dim chunk() const = 0;  // N
  virtual Value past() = 0;       // i32[B]: how many positions of each row came before
  /// x[B,N,...] kept behind those before it: [B,S,...], of which past + N positions are filled.
  /// With `heads` H, x[B,N,H·D] becomes [B,H,S,D]. `name` is the operand's.
  virtual Value cached(const Positioned& x, std::string_view name,
                       std::optional<std::int64_t> heads = std::nullopt) = 0;
  /// UserError: the op cannot run on new positions only, and why.
  [[noreturn]] void cannot(std::string_view why) const;
};
/// One entry per result, or fewer where the last ones cannot be had.
using IncrementalFn = std::vector<Positioned> (*)(Incremental&);

/// By the op's rule; without one row by row, where its traits allow it. UserError where it cannot.
std::vector<Positioned> run_incremental(Incremental& step);

/// A matrix of weights as whole numbers, one channel a row. Each row has a scale; in groups of 32
/// each group has one, and a byte holds two numbers (ops/i4.cpp).
struct QuantisedMatrix {
  Value numbers;  // i8[N,K]; in groups i8[N,K/2]
  Value scales;   // f32[N]; in groups f32[N,K/32]
  bool in_groups = false;
};

/// An op that can read a matrix of weights [N,K] or [K,N] in other forms. N are the channels: what
/// has a scale of its own.
struct Quantise {
  std::size_t operand;  // the matrix
  /// On which of its two axes the channels stand.
  std::size_t (*channels)(const Node&);
  /// Every run reads all of it, so that fewer bytes pay; otherwise some channels.
  bool reads_whole;
  /// Attributes with which the op reads the matrix transposed. None: it cannot.
  Attrs (*transposed)(const Node&);
  /// What the op gives, of whole numbers; a value like its result. `node` is a copy.
  Value (*build)(Builder& builder, const Node& node, const QuantisedMatrix& matrix);
};

using CostFn = double (*)(const Graph&, const Node&);
using NodeTestFn = bool (*)(const Graph&, const Node&);

struct OpDef {
  OpKind kind;
  std::string_view name;
  std::string_view doc;
  std::vector<OperandSpec> operands;
  std::vector<AttrSpec> attributes = {};
  Traits traits = Trait::none;
  InferFn infer = nullptr;
  VjpFn vjp = nullptr;              // none: an op on the path to a parameter is an error
  DecomposeFn decompose = nullptr;  // none: a core op, which needs a reference kernel
  std::vector<InPlace> in_place = {};
  std::vector<ComputedBy> computed_by = {};
  Precision precision = {};
  CostFn flops = nullptr;             // none: one per element of the results
  InPlaceFn in_place_of = nullptr;    // none: in_place says it
  NodeTestFn row_local_if = nullptr;  // for ops that are row_local with some attributes only
  /// How it runs on new positions only. None: row by row where the traits say so, else it cannot.
  IncrementalFn incremental = nullptr;
  std::optional<Quantise> quantise = {};  // none: what it reads stays as it is
  /// Operands that decoding keeps in caches, if the op can read them as bf16 beside f32.
  std::vector<std::size_t> kept = {};
  /// An operand that may be some columns of a wider one, from the attribute `start` on; -1: it is
  /// no wider. Columns are its last axis, behind a batch and positions.
  std::optional<std::size_t> columns = {};

  bool has(Trait trait) const { return (traits & trait) != 0; }
};

/// The row of an op. A line in ops.def without a row is a link error: every family file defines
/// `const OpDef& op_<name>()` for each of its ops.
const OpDef& op_def(OpKind kind);
inline const OpDef& op_def(const Node& node) { return op_def(node.kind); }
std::optional<OpKind> find_op(std::string_view name);
std::span<const OpKind> all_ops();

/// Fills defaults, then checks names, kinds and presence against the row; UserError otherwise.
Attrs checked_attrs(const OpDef& def, Attrs attrs, const Origin& origin);
/// Checks the operand count, then runs the row's infer.
std::vector<Type> infer_types(const OpDef& def, std::span<const Type> operands, const Attrs& attrs,
                              const Graph* body, const Origin& origin);

/// Trait row_local, or a node whose attributes make it so: a reduction of the last axis, a reshape
/// between [...] and [...,1].
bool is_row_local(const Graph& graph, NodeId node);

/// Which results may be written over which operands.
std::vector<InPlace> in_place_rules(const Node& node);

double flops(const Graph& graph, NodeId node);
/// Operand and result bytes that must move at least.
double bytes(const Graph& graph, NodeId node);

}  // namespace gptc::ir
