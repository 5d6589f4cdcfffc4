#include "backends/onednn/rows.h"

#include <algorithm>
#include <initializer_list>

#include "backends/runtime/philox.h"

namespace gptc::onednn {
namespace {

using ir::OpKind;

struct Signature {
  OpKind kind;
  std::vector<RowRole> operands;
  std::vector<RowRole> results;
};

/// The ops whose roles are not those of an elementwise op (any operands -> any).
std::vector<Signature> special_signatures() {
  constexpr RowRole rows = RowRole::rows;
  constexpr RowRole vector = RowRole::vector;
  constexpr RowRole statistic = RowRole::statistic;
  return {
      {OpKind::dropout, {RowRole::any, RowRole::counter}, {RowRole::any}},
      {OpKind::softmax, {rows}, {rows}},
      {OpKind::layer_norm, {rows, vector, vector}, {rows, statistic, statistic}},
      {OpKind::layer_norm_grad, {rows, rows, vector, statistic, statistic}, {rows}},
      {OpKind::reduce_sum, {rows}, {statistic}},
      {OpKind::reduce_max, {rows}, {statistic}},
  };
}

std::vector<RowOp> make_table() {
  std::vector<RowOp> table;
  const std::vector<Signature> special = special_signatures();
  for (const auto& family :
       {elementwise_rows(), layer_norm_rows(), softmax_rows(), reduce_rows(), dropout_rows()}) {
    for (const RowFunction& function : family) {
      const auto found = std::ranges::find(special, function.kind, &Signature::kind);
      RowOp op{function.kind, {}, {}, function.run};
      if (found != special.end()) {
        op.operands = found->operands;
        op.results = found->results;
      }
      table.push_back(std::move(op));
    }
  }
  table.push_back({OpKind::cast, {}, {}, nullptr});
  return table;
}

float real_or_zero(const ir::Attrs& attrs, std::string_view name) {
  return attrs.find(name) == nullptr ? 0.0F : static_cast<float>(attrs.real(name));
}

}  // namespace

RowParams row_params(const ir::Node& node) {
  RowParams params;
  params.eps = real_or_zero(node.attrs, "eps");
  if (node.attrs.find("p") != nullptr) {
    const double p = node.attrs.real("p");
    params.keep_scale = static_cast<float>(1 / (1 - p));
    params.keep_threshold = runtime::keep_threshold(p);
  }
  if (node.attrs.find("rng_key") != nullptr) params.rng_key = node.attrs.key("rng_key");
  return params;
}

const RowOp* find_row_op(OpKind kind) {
  static const std::vector<RowOp> table = make_table();
  const auto found = std::ranges::find(table, kind, &RowOp::kind);
  return found == table.end() ? nullptr : &*found;
}

bool all_f32(const ir::Graph& graph, const ir::Node& node) {
  const auto fits = [](const ir::Type& type) {
    return type.dtype == ir::DType::f32 || !ir::is_float(type.dtype);
  };
  return std::ranges::all_of(node.operands,
                             [&](ir::Value value) { return fits(graph.type(value)); }) &&
         std::ranges::all_of(node.results, fits);
}

}  // namespace gptc::onednn
