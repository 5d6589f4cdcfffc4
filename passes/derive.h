// The graphs a module needs besides `forward`, built from it in steps that pipelines.cpp lists.
//
// Between `autodiff` and `optimizer` or `accumulate`, gradients are the graph's outputs
// `grad.<parameter>`; so every step leaves a complete graph that prints, parses and runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/module.h"
#include "passes/specialise.h"

namespace gptc::passes {

/// AdamW (Loshchilov & Hutter, arXiv 1711.05101) and clipping by the global norm.
struct TrainOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;  // of states declared with decay
  double clip = 1.0;          // 0: none
};

struct DeriveRequest {
  std::string graph;  // a name from interfaces()
  DimSizes sizes;
  TrainOptions train = {};
  /// What products compute in: f32, or bf16 for mixed precision.
  ir::DType dtype = ir::DType::f32;
  /// What gradients of parameters are kept in until AdamW reads them: f32, or bf16.
  ir::DType grad_dtype = ir::DType::f32;
  /// Logits have the same bits whatever way a text is read: a look at speed is not taken.
  bool exact = false;
  std::uint64_t seed = 0;  // of the initial values
};

/// Arguments and results a derived graph may have, in call order.
struct Interface {
  std::string_view graph;
  std::string_view summary;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  bool trains = false;  // needs parameters as they are declared
};
std::span<const Interface> interfaces();
/// UserError that lists the names there are.
const Interface& find_interface(std::string_view graph);

/// What a step knows. The module holds `forward` and receives the states a step declares.
struct Derivation {
  ir::Module& module;
  const DeriveRequest& request;
};

/// Steps change the graph in hand and return whether they did.
/// A copy of `forward` with numbers for dimensions. UserError if its interface is not tokens,
/// targets, [micro_batch] → logits, loss, tokens.
bool forward(ir::Graph& graph, const Derivation& derivation);
/// Only loss (summed over the targets) and tokens (how many targets count) are returned.
bool keep_loss(ir::Graph& graph, const Derivation& derivation);
/// Only the logits [B,V] of position `last` (a new input, i32[B]) are returned.
bool last_logits(ir::Graph& graph, const Derivation& derivation);
/// With `exact`: products by weights are marked exact.
bool exact_products(ir::Graph& graph, const Derivation& derivation);
/// No dropout, and no updates.
bool inference(ir::Graph& graph, const Derivation& derivation);
/// Inputs that the derived graph's interface does not have go. UserError if one is still read.
bool drop_inputs(ir::Graph& graph, const Derivation& derivation);
/// Adds gradients, loss and token count to the states grad.<parameter>, grad.loss, grad.tokens.
bool accumulate(ir::Graph& graph, const Derivation& derivation);
/// Returns those sums, named as autodiff names gradients.
bool gradient_sums(ir::Graph& graph, const Derivation& derivation);
/// Sets the sums to zero at the end.
bool clear_sums(ir::Graph& graph, const Derivation& derivation);
/// Every state declared so far starts as its Init says.
bool initial_values(ir::Graph& graph, const Derivation& derivation);

/// Names of derived states and outputs.
std::string gradient_name(std::string_view parameter);  // "grad.<parameter>"
/// States with `train`, in declaration order. UserError if there is none.
std::vector<const ir::State*> trainable_states(const ir::Module& module);
/// A new input of a derived graph. UserError if a state has its name.
ir::Value add_argument(ir::Graph& graph, const ir::Module& module, const std::string& name,
                       const ir::Type& type);
/// Declares a state unless the same one exists; UserError if the name has another type.
void declare_state(ir::Module& module, ir::State state);

}  // namespace gptc::passes
