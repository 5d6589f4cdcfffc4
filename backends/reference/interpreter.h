// The oracle: evaluates a graph node by node, in double or in float, with no thought of speed.
#pragma once

#include <span>
#include <vector>

#include "backends/reference/host_tensor.h"
#include "ir/graph.h"

namespace gptc::reference {

/// How ops with a decomposition are computed: by their own loop where there is one, or always by
/// the decomposition (so tests can hold one against the other).
enum class Composites { by_kernel, by_decomposition };

/// Runs a graph with numbers for dimensions. Every float type is computed in F; bf16 values are
/// rounded. Returns the outputs by name; `states` supplies the values of states, and at the end
/// takes the updates. UserError for a missing or misshapen input or an id out of range;
/// InternalError for a missing state.
template <class F>
Tensors<F> run(const ir::Graph& graph, const Tensors<F>& inputs, Tensors<F>& states,
               Composites composites = Composites::by_kernel);

/// One node on given operands; not for input and state.
template <class F>
std::vector<HostTensor<F>> evaluate(const ir::Node& node,
                                    std::span<const HostTensor<F>* const> operands,
                                    Composites composites = Composites::by_kernel);

}  // namespace gptc::reference
