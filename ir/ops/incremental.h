// Incremental rules: how the ops run on a chunk of new positions. Private to ir/ops.
#pragma once

#include "ir/op_def.h"

namespace gptc::ir::incremental {

std::vector<Positioned> attention(Incremental& step);
std::vector<Positioned> broadcast(Incremental& step);
std::vector<Positioned> causal_mask(Incremental& step);
std::vector<Positioned> constant(Incremental& step);
/// concat and pad: along another axis than the positions'.
std::vector<Positioned> along_axis(Incremental& step);
std::vector<Positioned> embedding(Incremental& step);
std::vector<Positioned> matmul(Incremental& step);
std::vector<Positioned> pick(Incremental& step);
std::vector<Positioned> reduce(Incremental& step);
std::vector<Positioned> reshape(Incremental& step);
std::vector<Positioned> select(Incremental& step);
std::vector<Positioned> shift(Incremental& step);
std::vector<Positioned> slice(Incremental& step);
std::vector<Positioned> transpose(Incremental& step);

}  // namespace gptc::ir::incremental
