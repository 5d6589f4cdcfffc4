// Values from outside the graph, and constants.
#include "ir/ops/incremental.h"
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

std::vector<Type> infer_constant(const InferContext& context) {
  return {{context.attrs.get<DType>("dtype"), context.attrs.get<Shape>("shape")}};
}

}  // namespace

const OpDef& op_input() {
  static const OpDef def = {
      .kind = OpKind::input,
      .name = "input",
      .doc = "A named argument of the graph. Made by Graph::add_input, which gives the type.",
      .operands = {},
      .attributes = {{"name", AttrKind::string, std::nullopt, "the argument's name"}},
      .traits = Trait::source,
  };
  return def;
}

const OpDef& op_state() {
  static const OpDef def = {
      .kind = OpKind::state,
      .name = "state",
      .doc =
          "The value a state of the module has when the graph starts. Made by Graph::state, "
          "with the declared type.",
      .operands = {},
      .attributes = {{"name", AttrKind::string, std::nullopt, "the state's name"}},
      .traits = Trait::source,
  };
  return def;
}

const OpDef& op_constant() {
  static const OpDef def = {
      .kind = OpKind::constant,
      .name = "constant",
      .doc = "A tensor whose every element is `value`, rounded to the dtype.",
      .operands = {},
      .attributes = {{"value", AttrKind::real, std::nullopt, "every element"},
                     {"dtype", AttrKind::dtype, DType::f32, "the result's dtype"},
                     {"shape", AttrKind::shape, Shape{}, "the result's shape"}},
      .traits = Trait::source | Trait::cheap,
      .infer = infer_constant,
      .incremental = incremental::constant,
  };
  return def;
}

}  // namespace gptc::ir
