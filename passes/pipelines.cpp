#include "passes/pipelines.h"

#include <algorithm>

#include "ir/check.h"
#include "passes/autodiff.h"
#include "passes/canonicalize.h"
#include "passes/cse.h"
#include "passes/dce.h"
#include "passes/decompose_unsupported.h"
#include "passes/fold_constants.h"
#include "passes/fuse_attention.h"
#include "passes/fuse_epilogue.h"
#include "passes/fuse_linear_cross_entropy.h"
#include "passes/fuse_rows.h"
#include "passes/incremental.h"
#include "passes/mixed_precision.h"
#include "passes/narrow_kept.h"
#include "passes/optimizer.h"
#include "passes/rematerialise.h"
#include "passes/schedule.h"
#include "passes/share_forward.h"

namespace gptc::passes {
namespace {

#define PASS(name, summary) \
  Stage { #name, summary, name, nullptr }
#define STEP(name, summary) \
  Stage { #name, summary, nullptr, name }

const std::vector<Stage> stages = {
    STEP(forward, "the model's forward graph with numbers for dimensions"),
    STEP(keep_loss, "returns the summed loss and the token count only"),
    STEP(last_logits, "returns the logits of one position only"),
    STEP(inference, "takes dropout out"),
    STEP(exact_products, "on request: a row's product has the same bits beside any others"),
    STEP(drop_inputs, "takes arguments out that the graph does not have"),
    STEP(incremental, "runs on a chunk of new positions, with what came before in caches"),
    STEP(mixed_precision, "with bf16: products read bf16 and round what they give out"),
    STEP(narrow_kept, "beside weights of whole numbers: what decoding keeps is bf16"),
    STEP(narrow_saved, "with bf16: what the backward pass reads is kept in bf16"),
    STEP(autodiff, "appends the gradient of the loss for every trainable state"),
    STEP(round_gradients, "with gradients in bf16: rounds them where they are complete"),
    STEP(optimizer, "clips gradients and updates parameters and moments by AdamW"),
    STEP(accumulate, "adds gradients, loss and token count to their sums"),
    STEP(gradient_sums, "reads the accumulated sums"),
    STEP(clear_sums, "sets the accumulated sums to zero"),
    STEP(initial_values, "sets every state to its initial value"),
    PASS(canonicalize, "one spelling for each computation"),
    PASS(fold_constants, "computes what depends on constants alone"),
    PASS(cse, "merges equal nodes"),
    PASS(dce, "erases what nothing needs"),
    PASS(fuse_attention, "softmax between two matmuls over heads becomes attention"),
    PASS(fuse_linear_cross_entropy, "head and loss become one op without whole logits"),
    PASS(fuse_rows, "regions of row-local ops become row_fused"),
    PASS(fuse_epilogue, "bias, activation, product and sum join the matmul before them"),
    PASS(share_forward, "takes forward results from the backward pass where it has them"),
    PASS(decompose_unsupported, "replaces ops without a kernel by what they are made of"),
    PASS(schedule, "renumbers nodes into the order of execution"),
    PASS(rematerialise, "runs parts of the forward pass again, to fit the arena's budget"),
};

#undef PASS
#undef STEP

/// Rows of the tables below name stages by text; a wrong name fails the test of all pipelines.
Row row(std::string_view name, std::string_view why, std::string_view alias = {}) {
  const Stage* stage = find_stage(name);
  ir::internal_check(stage != nullptr, "pipelines: there is no stage '{}'", name);
  return {stage, why, alias};
}

using Rows = std::vector<Row>;

Rows operator+(Rows first, const Rows& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Rows clean_up() {
  return {
      row("canonicalize", "spells equal things alike, so that cse sees they are equal"),
      row("cse", "frees duplicates and their operands"),
      row("dce", "last: the others leave dead nodes behind"),
  };
}

/// The user's graph, made small.
Rows simplify() {
  return {
      row("canonicalize", "patterns below match one spelling only"),
      row("fold_constants", "after canonicalize: constants stand where rules put them"),
      row("cse", "after folding: constants make nodes equal"),
      row("dce", "fusion asks how often a value is used; dead users must not count"),
  };
}

/// Fusion into ops with a gradient of their own.
Rows fuse_algorithms() {
  return {
      row("fuse_attention", "before autodiff: attention_grad needs no stored probabilities"),
      row("fuse_linear_cross_entropy", "before autodiff: its gradient makes logits in blocks"),
  };
}

/// Fusion of neighbours, whichever pass they come from.
Rows fuse_neighbours() {
  return {
      row("fuse_rows", "before fuse_epilogue: it leaves out what an epilogue does better"),
      row("fuse_epilogue", "the last fusion: takes what follows a matmul now", "fusion"),
  };
}

/// From an optimised graph to one the backend has kernels for, in execution order.
Rows lowering() {
  return Rows{row("decompose_unsupported", "after all fusion: the backend decides on final ops")} +
         clean_up() + Rows{row("schedule", "the end: any later change would undo the order")};
}

/// What has a backward pass may run parts of its forward pass twice.
Rows lowering_of_training() {
  return lowering() + Rows{row("rematerialise", "behind schedule: it plans the order that runs")};
}

/// Forward and backward pass of the summed loss.
Rows differentiate() {
  return Rows{row("forward", "the start: a copy, the module's own graph stays", "start"),
              row("keep_loss", "before all work: what only other outputs need is never touched")} +
         simplify() + fuse_algorithms() +
         Rows{row("mixed_precision", "before autodiff: gradients then have the same precision"),
              row("canonicalize", "brings casts together, so that pairs go"),
              row("cse", "one bf16 copy of a weight for all its readers"),
              row("autodiff", "after the algorithmic fusions: they have gradients of their own")};
}

/// What the backward pass brought: duplicates of forward results, then fusion of both passes.
Rows optimise_backward() {
  return Rows{row("share_forward", "before cse: it looks for ops on the same operands"),
              row("narrow_saved", "after share_forward: it has chosen which results are kept")} +
         clean_up() + fuse_neighbours();
}

Rows infer(std::string_view outputs) {
  return Rows{row("forward", "the start: a copy, the module's own graph stays", "start"),
              row(outputs, "before all work: what only other outputs need is never touched"),
              row("inference", "before fusion: attention without dropout needs no counter")} +
         simplify() +
         Rows{row("drop_inputs", "after dce: nothing reads dropout's counter any more")} +
         fuse_algorithms() +
         Rows{row("mixed_precision", "after the algorithmic fusions: their rows say what is bf16"),
              row("narrow_kept", "after the algorithmic fusions: reads what decoding will keep"),
              row("exact_products", "before fuse_epilogue: a matmul with its epilogue keeps it")} +
         clean_up() + fuse_neighbours() + lowering();
}

/// A chunk of new positions behind those in the caches.
Rows infer_chunk() {
  return Rows{row("forward", "the start: a copy, with T left open for incremental", "start"),
              row("last_logits", "before all work: what only other outputs need is never touched"),
              row("inference", "before fusion: attention without dropout needs no counter")} +
         simplify() +
         Rows{row("fuse_attention", "before incremental: attention has a rule, its parts have not"),
              row("mixed_precision", "before incremental: caches then hold what is multiplied")} +
         clean_up() +
         Rows{row("narrow_kept", "just before incremental, where caches take their roundings over"),
              row("incremental", "after fusion and rounding, before anything needs T as a number"),
              row("canonicalize", "patterns below match one spelling only"),
              row("cse", "the positions are the same for every table"),
              row("dce", "arguments below count only if something reads them"),
              row("drop_inputs", "after incremental: one new token needs no `last`"),
              row("exact_products", "before fuse_epilogue: a matmul with its epilogue keeps it")} +
         fuse_neighbours() + lowering();
}

struct Pipeline {
  std::string_view graph;
  Rows (*rows)();
};

const std::vector<Pipeline> pipelines = {
    {"train",
     [] {
       return differentiate() +
              Rows{row("round_gradients", "before optimizer, which reads what is kept"),
                   row("optimizer", "takes the gradients while they are outputs")} +
              optimise_backward() + lowering_of_training();
     }},
    {"micro_step",
     [] {
       return differentiate() +
              Rows{row("accumulate", "takes the gradients while they are outputs")} +
              optimise_backward() + lowering_of_training();
     }},
    {"apply",
     [] {
       return Rows{row("gradient_sums", "the start: sums stand for the gradients", "start"),
                   row("optimizer", "reads the sums as gradients"),
                   row("clear_sums",
                       "behind optimizer only in the text: all updates happen at the "
                       "end")} +
              clean_up() + lowering();
     }},
    {"eval", [] { return infer("keep_loss"); }},
    {"logits", [] { return infer("last_logits"); }},
    {"prefill", infer_chunk},
    {"decode", infer_chunk},
    {"init",
     [] {
       return Rows{row("initial_values", "the start: the declarations say it all", "start")} +
              lowering();
     }},
};

}  // namespace

std::span<const Stage> all_stages() { return stages; }

const Stage* find_stage(std::string_view name) {
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const Stage& stage) { return stage.name == name; });
  return found == stages.end() ? nullptr : &*found;
}

std::vector<Row> pipeline(std::string_view graph) {
  find_interface(graph);
  const auto found = std::find_if(pipelines.begin(), pipelines.end(),
                                  [&](const Pipeline& entry) { return entry.graph == graph; });
  ir::internal_check(found != pipelines.end(), "pipelines: there is none for '{}'", graph);
  return found->rows();
}

}  // namespace gptc::passes
