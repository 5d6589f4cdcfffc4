// row_fused: the body as one row program.
#include "backends/onednn/row_program.h"
#include "ir/op_def.h"

namespace gptc::onednn {

KernelRow kernel_row_fused() {
  return {.supports =
              [](const ir::Graph&, const ir::Node& node) {
                return node.body != nullptr && compile_rows(*node.body).has_value();
              },
          .workspace = [](const ir::Graph&, const ir::Node& node, int threads) -> std::int64_t {
            const auto program = compile_rows(*node.body);
            return program ? program->scratch_bytes * threads : 0;
          },
          .create = [](const ir::Graph&, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            std::optional<RowProgram> program = compile_rows(*node.body);
            ir::internal_check(program.has_value(), "row_fused: the body is not made of rows");
            return make_row_kernel(*std::move(program), args);
          }};
}

}  // namespace gptc::onednn
