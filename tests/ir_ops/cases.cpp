#include "tests/ir_ops/cases.h"

#include <sstream>

#include "ir/check.h"

namespace gptc::testing {

using ir::Attrs;
using ir::DType;
using ir::Ints;
using ir::OpKind;
using ir::Shape;
using ir::Strings;

ir::Type type_of(std::string_view text) {
  const std::size_t open = text.find('[');
  const auto dtype = ir::parse_dtype(text.substr(0, open));
  ir::internal_check(dtype && text.ends_with(']'), "test: '{}' is no type", text);
  std::vector<ir::Dim> dims;
  std::istringstream list{std::string(text.substr(open + 1, text.size() - open - 2))};
  for (std::string dim; std::getline(list, dim, 'x');) {
    const bool named = dim[0] >= 'A' && dim[0] <= 'Z';
    dims.push_back(named ? ir::Dim::named(dim[0]) : ir::Dim(std::stoll(dim)));
  }
  return {*dtype, Shape(std::move(dims))};
}

std::vector<ir::Type> types_of(std::string_view text) {
  std::vector<ir::Type> types;
  std::istringstream list{std::string(text)};
  for (std::string word; list >> word;) types.push_back(type_of(word));
  return types;
}

std::string text_of(std::span<const ir::Type> types) {
  std::string text;
  for (const ir::Type& type : types) text += (text.empty() ? "" : " ") + type.text();
  return text;
}

std::shared_ptr<const ir::Graph> residual_norm_body() {
  ir::Graph body("body");
  const ir::Value x = body.add_input("x", type_of("f32[6x8]"));
  const ir::Value residual = body.add_input("residual", type_of("f32[6x8]"));
  const ir::Value gain = body.add_input("gain", type_of("f32[8]"));
  ir::Builder b(body);
  const ir::Value sum = b.add(x, residual);
  const ir::Value centred = b.sub(sum, b.scale(b.row_sum(sum), 0.125));
  body.outputs() = {{"sum", sum}, {"scaled", b.mul(centred, gain)}};
  return std::make_shared<const ir::Graph>(std::move(body));
}

Made make(const Case& op_case) {
  Made made;
  std::vector<ir::Value> operands;
  for (const ir::Type& type : types_of(op_case.operands)) {
    operands.push_back(made.graph.add_input("a" + std::to_string(operands.size()), type));
  }
  ir::Builder builder(made.graph);
  builder.set_origin({.scope = "h.0.attn", .file = "model.cpp", .line = 7});
  made.node = builder.node(op_case.op, std::move(operands), op_case.attrs, op_case.body);
  return made;
}

namespace {

constexpr std::uint64_t key = 0x1234;

Attrs heads(std::int64_t count, double p) {
  return {{"heads", count}, {"scale", 0.5}, {"causal", true}, {"p", p}, {"rng_key", key}};
}

std::vector<Case> sources() {
  return {
      {OpKind::constant, "", {{"value", 2.0}}, "f32[]"},
      {OpKind::constant, "", {{"value", 0}, {"shape", Shape{4, 2}}}, "f32[4x2]"},
      {OpKind::random_normal, "", {{"shape", Shape{4}}, {"rng_key", key}}, "f32[4]"},
      {OpKind::random_uniform, "", {{"shape", Shape{4}}, {"rng_key", key}}, "f32[4]"},
      {OpKind::dropout, "f32[BxT] i64[]", {{"p", 0.5}, {"rng_key", key}}, "f32[BxT]"},
  };
}

std::vector<Case> elementwise() {
  std::vector<Case> cases;
  for (const OpKind op :
       {OpKind::neg, OpKind::exp, OpKind::log, OpKind::sqrt, OpKind::rsqrt, OpKind::tanh,
        OpKind::sigmoid, OpKind::relu, OpKind::step, OpKind::gelu}) {
    cases.push_back({op, "f32[BxTx8]", {}, "f32[BxTx8]"});
    cases.push_back({op, "bf16[]", {}, "bf16[]"});
  }
  for (const OpKind op : {OpKind::add, OpKind::sub, OpKind::mul, OpKind::div, OpKind::maximum}) {
    cases.push_back({op, "f32[BxTx8] f32[8]", {}, "f32[BxTx8]"});
    cases.push_back({op, "f64[2x1] f64[3]", {}, "f64[2x3]"});
    cases.push_back({op, "f32[] f32[BxT]", {}, "f32[BxT]"});
  }
  cases.push_back({OpKind::gelu_with_grad, "f32[BxT]", {}, "f32[BxT] f32[BxT]"});
  cases.push_back({OpKind::cast, "f32[2xT]", {{"dtype", DType::bf16}}, "bf16[2xT]"});
  cases.push_back({OpKind::cast, "i32[2]", {{"dtype", DType::f32}}, "f32[2]"});
  return cases;
}

std::vector<Case> shapes() {
  const ir::Dim t = ir::Dim::named('T');
  const ir::Dim b = ir::Dim::named('B');
  return {
      {OpKind::reshape, "f32[4x6]", {{"shape", Shape{2, 12}}}, "f32[2x12]"},
      {OpKind::reshape, "f32[BxTx8]", {{"shape", Shape{b, t, 2, 4}}}, "f32[BxTx2x4]"},
      {OpKind::transpose, "f32[BxTx2x4]", {{"perm", Ints{0, 2, 1, 3}}}, "f32[Bx2xTx4]"},
      {OpKind::transpose, "f32[2x3x4]", {{"perm", Ints{2, 0, 1}}}, "f32[4x2x3]"},
      {OpKind::broadcast, "f32[8]", {{"shape", Shape{b, t, 8}}}, "f32[BxTx8]"},
      {OpKind::broadcast, "f32[3x1]", {{"shape", Shape{2, 3, 4}}}, "f32[2x3x4]"},
      {OpKind::slice, "f32[9x4]", {{"axis", 0}, {"start", 2}, {"size", Shape{7}}}, "f32[7x4]"},
      {OpKind::slice, "f32[9x4]", {{"axis", 0}, {"size", Shape{t}}}, "f32[Tx4]"},
      {OpKind::pad, "f32[7x4]", {{"axis", 0}, {"before", 2}, {"size", Shape{9}}}, "f32[9x4]"},
      {OpKind::pad, "f32[Tx4]", {{"axis", 0}, {"size", Shape{9}}}, "f32[9x4]"},
      {OpKind::concat, "f32[Bx2] f32[Bx1] f32[Bx3]", {{"axis", 1}}, "f32[Bx6]"},
      {OpKind::concat, "f32[BxT]", {{"axis", 1}}, "f32[BxT]"},
      {OpKind::shift, "f32[BxT]", {{"axis", 1}, {"by", -1}}, "f32[BxT]"},
      {OpKind::select, "f32[2x5x8] i32[2]", {}, "f32[2x8]"},
      {OpKind::select, "f32[2x5] i32[2]", {}, "f32[2]"},
      {OpKind::reduce_sum, "f32[BxTx8]", {{"axes", Ints{0, 2}}}, "f32[T]"},
      {OpKind::reduce_sum, "f32[BxTx8]", {{"axes", Ints{2}}}, "f32[BxT]"},
      {OpKind::reduce_max, "f32[4x3x8]", {{"axes", Ints{0, 2}}}, "f32[3]"},
      {OpKind::sum_squares, "f32[4x3]", {}, "f32[]"},
      {OpKind::sum_squares, "bf16[4x3]", {}, "f32[]"},
      {OpKind::sum_squares, "f32[]", {}, "f32[]"},
  };
}

std::vector<Case> products() {
  std::vector<Case> cases;
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      const Attrs attrs = {{"transpose_a", a}, {"transpose_b", b}};
      const std::string left = a ? "5x3" : "3x5";
      const std::string right = b ? "4x5" : "5x4";
      for (const std::string batch : {"", "2x6x"}) {
        const std::string first = fmt::format("f32[{}{}]", batch, left);
        const std::string result = fmt::format("f32[{}3x4]", batch);
        cases.push_back({OpKind::matmul, fmt::format("{} f32[{}]", first, right), attrs, result});
        cases.push_back(
            {OpKind::matmul, fmt::format("{} f32[{}{}]", first, batch, right), attrs, result});
      }
    }
  }
  cases.push_back({OpKind::matmul,
                   "f32[2x3x5] f32[5x4] f32[4] f32[2x3x4] f32[2x3x4]",
                   {{"epilogue", Strings{"bias", "gelu", "mul", "relu", "add"}}},
                   "f32[2x3x4]"});
  return cases;
}

std::vector<Case> rows() {
  return {
      {OpKind::softmax, "f32[BxTx8]", {}, "f32[BxTx8]"},
      {OpKind::softmax, "bf16[8]", {}, "bf16[8]"},
      {OpKind::causal_mask, "f32[BxTxT]", {{"fill", -1e9}}, "f32[BxTxT]"},
      {OpKind::layer_norm, "f32[BxTx8] f32[8] f32[8]", {}, "f32[BxTx8] f32[BxT] f32[BxT]"},
      {OpKind::layer_norm, "bf16[2x8] bf16[8] bf16[8]", {}, "bf16[2x8] f32[2] f32[2]"},
      {OpKind::layer_norm, "f64[8] f64[8] f64[8]", {}, "f64[8] f64[] f64[]"},
      {OpKind::layer_norm_grad, "f32[BxTx8] f32[BxTx8] f32[8] f32[BxT] f32[BxT]", {}, "f32[BxTx8]"},
      {OpKind::layer_norm_grad, "bf16[8] bf16[8] bf16[8] f32[] f32[]", {}, "bf16[8]"},
      {OpKind::layer_norm_param_grad,
       "f32[2x3x8] f32[2x3x8] f32[2x3] f32[2x3]",
       {},
       "f32[8] f32[8]"},
      {OpKind::layer_norm_param_grad, "bf16[8] bf16[8] f32[] f32[]", {}, "bf16[8] bf16[8]"},
      {OpKind::row_fused,
       "f32[6x8] f32[6x8] f32[8]",
       {},
       "f32[6x8] f32[6x8]",
       residual_norm_body()},
  };
}

std::vector<Case> ids_and_losses() {
  return {
      {OpKind::embedding, "f32[9x4] i32[BxT]", {}, "f32[BxTx4]"},
      {OpKind::embedding, "f32[9x4] i32[]", {}, "f32[4]"},
      {OpKind::embedding_grad, "i32[BxT] f32[BxTx4]", {{"rows", 9}}, "f32[9x4]"},
      {OpKind::scatter_add, "f32[9x4] i32[2x3] f32[2x3x4]", {}, "f32[9x4]"},
      {OpKind::pick, "f32[BxTx9] i32[BxT]", {}, "f32[BxT]"},
      {OpKind::pick_grad, "i32[BxT] f32[BxT]", {{"size", 9}}, "f32[BxTx9]"},
      {OpKind::token_count, "i32[BxT]", {}, "f32[]"},
      {OpKind::cross_entropy, "f32[BxTx9] i32[BxT]", {}, "f32[]"},
      {OpKind::cross_entropy, "bf16[9] i32[]", {}, "f32[]"},
      {OpKind::cross_entropy_grad, "f32[BxTx9] i32[BxT] f32[]", {}, "f32[BxTx9]"},
      {OpKind::cross_entropy_grad, "bf16[9] i32[] f32[]", {}, "bf16[9]"},
      {OpKind::linear_cross_entropy, "f32[BxTx4] f32[9x4] i32[BxT]", {}, "f32[]"},
      {OpKind::linear_cross_entropy_grad,
       "f32[2x3x4] f32[9x4] i32[2x3] f32[]",
       {},
       "f32[] f32[2x3x4] f32[9x4]"},
      {OpKind::linear_cross_entropy_grad,
       "bf16[3x4] bf16[9x4] i32[3] f32[]",
       {},
       "f32[] bf16[3x4] f32[9x4]"},
      {OpKind::attention, "f32[BxTx8] f32[BxTx8] f32[BxTx8]", heads(2, 0), "f32[BxTx8] f32[Bx2xT]"},
      {OpKind::attention, "f32[3x2x8] f32[3x5x8] f32[3x5x8] i64[]", heads(4, 0.1),
       "f32[3x2x8] f32[3x4x2]"},
      {OpKind::attention, "bf16[3x2x8] bf16[3x5x8] bf16[3x5x8]", heads(1, 0),
       "bf16[3x2x8] f32[3x1x2]"},
      {OpKind::attention_grad,
       "f32[3x2x8] f32[3x5x8] f32[3x5x8] f32[3x2x8] f32[3x4x2] f32[3x2x8] i64[]", heads(4, 0.1),
       "f32[3x2x8] f32[3x5x8] f32[3x5x8]"},
      {OpKind::attention_grad,
       "bf16[3x5x8] bf16[3x5x8] bf16[3x5x8] bf16[3x5x8] f32[3x4x5] bf16[3x5x8]", heads(4, 0),
       "bf16[3x5x8] bf16[3x5x8] bf16[3x5x8]"},
      {OpKind::positions, "i32[B]", {{"size", ir::Shape{3}}, {"limit", 9}}, "i32[Bx3]"},
      {OpKind::cache_write, "f32[2x9x8] f32[2x3x8] i32[2]", {}, "f32[2x9x8]"},
      {OpKind::cache_write, "f32[2x4x9x2] f32[2x3x8] i32[2]", {}, "f32[2x4x9x2]"},
      {OpKind::cache_read,
       "bf16[2x9x8] i32[2]",
       {{"size", ir::Shape{3}}, {"by", 1}},
       "bf16[2x3x8]"},
      {OpKind::cached_attention,
       "f32[2x3x8] f32[2x2x9x4] f32[2x2x9x4] i32[2]",
       {{"scale", 0.5}},
       "f32[2x3x8]"},
      {OpKind::cached_attention,
       "bf16[2x3x8] bf16[2x4x9x2] bf16[2x4x9x2] i32[2]",
       {{"scale", 0.5}},
       "bf16[2x3x8]"},
      {OpKind::unpack_i4, "i8[5x32] f32[5x2]", {}, "f32[5x64]"},
      {OpKind::matmul_i4, "f32[2x3x64] i8[5x32] f32[5x2]", {}, "f32[2x3x5]"},
      {OpKind::matmul,
       "f32[2x3] i8[5x3] f32[5]",
       {{"transpose_b", true}, {"epilogue", ir::Strings{"scale"}}},
       "f32[2x5]"},
      {OpKind::clip_scale, "f32[]", {{"max_norm", 1.0}}, "f32[]"},
      {OpKind::adamw,
       "f32[4x3] f32[4x3] f32[4x3] f32[4x3] f32[] f32[] i64[]",
       {},
       "f32[4x3] f32[4x3] f32[4x3]"},
  };
}

}  // namespace

const std::vector<Case>& op_cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> cases;
    for (const auto& part :
         {sources(), elementwise(), shapes(), products(), rows(), ids_and_losses()}) {
      cases.insert(cases.end(), part.begin(), part.end());
    }
    return cases;
  }();
  return all;
}

}  // namespace gptc::testing
