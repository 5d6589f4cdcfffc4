// Valid modules by hand that use every part of the text form.
#pragma once

#include <string_view>

namespace gptc::testing {

/// Named dimensions, states with every kind of init, locations, several results, all attribute
/// kinds, bodies with constants, updates, two graphs.
inline constexpr std::string_view full_module = R"(# a comment
module @sample {
  state %wte : f32[7x4] {init = normal(0.0, 0.02), train, decay} @wte loc("models/a.cpp":41)
  state %b.1 : f32[4] {init = constant(1.0), train} @h.0/b
  state %rest : bf16[2x3] {init = uniform(-0.5, 0.5)}
  graph @forward(%tokens: i32[BxT], %targets: i32[BxT], %n: i64[]) {
    %0 = embedding(%wte, %tokens) : f32[BxTx4] @wte loc("models/a.cpp":42)
    %1 = dropout(%0, %n) {p = 0.1, rng_key = 0x00000000000000ff} : f32[BxTx4] @drop
    %2, %3, %4 = layer_norm(%1, %b.1, %b.1) {eps = 0.001} : f32[BxTx4], f32[BxT], f32[BxT] @h.0
    %5 = slice(%2) {axis = 2, size = [2], start = 1} : f32[BxTx2]
    %6 = reshape(%5) {shape = [BxTx2x1]} : f32[BxTx2x1]
    %7 = transpose(%6) {perm = [0, 2, 1, 3]} : f32[Bx2xTx1]
    %8 = causal_mask(%7) {fill = -inf} : f32[Bx2xTx1]
    %9 = row_fused(%1, %b.1) : f32[BxTx4] {
      body(%a0: f32[BxTx4], %a1: f32[4]) {
        %0 = constant() {value = 0.5} : f32[]
        %1 = mul(%a0, %0) : f32[BxTx4] @h.0/mul loc("models/a.cpp":7)
        %2 = add(%1, %a1) : f32[BxTx4]
        return r0 = %2
      }
    } @h.0.fused loc("dir \"q\"/a\\b.cpp":9)
    %10 = matmul(%9, %wte) {epilogue = ["gelu", "relu"], transpose_b = true} : f32[BxTx7]
    %11 = cross_entropy(%10, %targets) : f32[]
    return logits = %10, loss = %11, masked = %8
  }
  graph @step(%x: f32[4], %s: f32[2x3]) {
    %0 = add(%x, %b.1) : f32[4]
    %1 = mul(%0, %0) : f32[4]
    %2 = cast(%s) {dtype = bf16} : bf16[2x3]
    %3 = constant() {dtype = i32, shape = [2x2], value = -3.0} : i32[2x2]
    update %b.1 = %1
    update %rest = %2
    return
  }
}
)";

}  // namespace gptc::testing
