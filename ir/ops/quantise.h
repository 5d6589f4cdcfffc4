// How ops read a matrix of weights as whole numbers with scales. Private to ir/ops.
#pragma once

#include "ir/op_def.h"

namespace gptc::ir::quantise {

extern const Quantise embedding;
extern const Quantise matmul;

}  // namespace gptc::ir::quantise
