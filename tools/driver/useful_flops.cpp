#include "tools/driver/useful_flops.h"

#include <algorithm>
#include <array>

#include "ir/op_def.h"

namespace gptc::driver {

double useful_training_flops(const ir::Graph& eval) {
  constexpr std::array products = {ir::OpKind::matmul, ir::OpKind::attention,
                                   ir::OpKind::linear_cross_entropy};
  constexpr double forward_and_backward = 3;
  double total = 0;
  for (const ir::NodeId node : eval.nodes()) {
    if (std::ranges::find(products, eval[node].kind) != products.end())
      total += ir::flops(eval, node);
  }
  return forward_and_backward * total;
}

}  // namespace gptc::driver
