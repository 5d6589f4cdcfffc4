// gptc bench generate: decoding against the memory's speed, prefill against the peak.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "backends/onednn/peak.h"
#include "ir/check.h"
#include "ir/op_def.h"
#include "tools/driver/checkpoint.h"
#include "tools/driver/commands/bench_figures.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/decoder.h"
#include "tools/driver/memory.h"
#include "tools/driver/profile.h"
#include "tools/driver/sampling/sampler.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/tokenizer_source.h"
#include "tools/driver/weight_store.h"

namespace gptc::driver {
namespace {

using Clock = std::chrono::steady_clock;
using Texts = std::vector<std::vector<std::int32_t>>;

struct BenchFlags {
  CommonFlags common;
  std::int64_t batch = 1;
  std::int64_t context = 0;
  std::int64_t begin = 64;  // the positions that are decoded
  std::int64_t end = 192;
  std::int64_t prompt = 1000;
  std::int64_t rounds = 5;
  bool json = false;
  bool profile = false;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Texts random_texts(std::int64_t batch, std::int64_t length, std::int64_t vocabulary,
                   std::uint64_t round) {
  const std::vector<std::int32_t> all = random_tokens(batch * length, vocabulary, round);
  Texts texts;
  for (auto begin = all.begin(); begin != all.end(); begin += length)
    texts.emplace_back(begin, begin + length);
  return texts;
}

void read(Decoder& decoder, const Texts& texts) {
  std::vector<Decoder::Text> views(texts.begin(), texts.end());
  decoder.read(views);
}

/// Seconds of each token of a text from position `begin` to `end`, drawing it included.
std::vector<double> decode(Decoder& decoder, const BenchFlags& flags, std::int64_t vocabulary,
                           std::uint64_t round) {
  Texts texts = random_texts(flags.batch, flags.begin, vocabulary, round);
  read(decoder, texts);
  Sampler sampler({.temperature = 0.8, .top_k = 40, .seed = round}, vocabulary);
  History nothing({});
  std::vector<double> seconds;
  for (std::int64_t position = flags.begin; position < flags.end; ++position) {
    const auto start = Clock::now();
    for (std::size_t row = 0; row < texts.size(); ++row) {
      const Draw draw = {row, static_cast<std::uint64_t>(position)};
      texts[row].push_back(sampler.sample(decoder.logits(row), nothing, draw).value());
    }
    read(decoder, texts);
    seconds.push_back(seconds_since(start));
  }
  return seconds;
}

double prefill(Decoder& decoder, const BenchFlags& flags, std::int64_t vocabulary,
               std::uint64_t round) {
  const Texts texts = random_texts(flags.batch, flags.prompt, vocabulary, round);
  decoder.forget();
  const auto start = Clock::now();
  read(decoder, texts);
  return seconds_since(start);
}

/// Bytes of the states that the graph reads whole: weights as they are stored. A table that is only
/// looked up counts as the rows that are.
std::int64_t weight_bytes(const ir::Graph& graph) {
  std::int64_t bytes = 0;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph[id];
    if (node.kind != ir::OpKind::state) continue;
    std::int64_t read = 0;
    for (const ir::Use& use : graph.uses({id, 0})) {
      const ir::Node& user = graph[use.node];
      if (user.kind == ir::OpKind::cache_write) continue;
      const std::optional<ir::Quantise>& rule = ir::op_def(user).quantise;
      const bool some_rows = rule && rule->operand == use.operand && !rule->reads_whole;
      const ir::Type& type = some_rows ? user.results[0] : node.results[0];
      read = std::max(read, type.bytes());
    }
    bytes += read;
  }
  return bytes;
}

/// Bytes of the caches' rows that a step behind `past` positions reads.
double cache_bytes(const ir::Graph& graph, double past) {
  double bytes = 0;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph[id];
    if (node.kind != ir::OpKind::cache_write) continue;
    const ir::Type& cache = node.results[0];  // [B,S,...] or [B,H,S,D]
    const std::size_t positions =
        cache.shape.rank() > graph.type(node.operands[1]).shape.rank() ? 2 : 1;
    const std::int64_t row = cache.bytes() / cache.shape[positions].size();
    bytes += static_cast<double>(row) * past;
  }
  return bytes;
}

/// Of a prefill: 2 for each weight that is multiplied and token, the head for the last one only,
/// and causal attention counted once: T·(24·L·C² + 2·L·T·C) + 2·V·C for GPT-2.
double prefill_flops(const ir::Graph& decode, double tokens) {
  double flops = 0;
  for (const ir::NodeId id : decode.nodes()) {
    const ir::Node& node = decode[id];
    const bool head = std::ranges::any_of(
        decode.outputs(), [&](const ir::Output& output) { return output.value.node == id; });
    if (node.kind == ir::OpKind::matmul || node.kind == ir::OpKind::matmul_i4) {
      const auto inner = static_cast<double>(decode.type(node.operands[0]).shape.back().size());
      const auto channels = static_cast<double>(node.results[0].shape.back().size());
      flops += 2 * inner * channels * (head ? 1 : tokens);
    }
    if (node.kind == ir::OpKind::cached_attention)
      flops += 2 * tokens * tokens * static_cast<double>(node.results[0].shape.back().size());
  }
  return flops;
}

/// Once more with every node timed, to stderr: stdout is for the figures.
void print_profile(CompiledModel& model, Decoder& decoder, const BenchFlags& flags,
                   std::int64_t vocabulary) {
  const ModelProfile profile(model, {"decode"});
  decode(decoder, flags, vocabulary, 0);
  fmt::print(stderr, "{}",
             profile.tables(measure_ceilings(flags.common.threads), usual_profile_nodes));
}

/// A token behind a prompt of 8 in each row; builds what that takes.
void first_token(CompiledModel& model, const BenchFlags& flags, std::int64_t context,
                 std::int64_t vocabulary) {
  constexpr std::int64_t prompt = 8;
  const Texts texts = random_texts(flags.batch, std::min(prompt, context), vocabulary, 0);
  Decoder decoder(model, context, flags.batch);
  read(decoder, texts);
  Sampler sampler({}, vocabulary);
  History nothing({});
  for (std::size_t row = 0; row < texts.size(); ++row)
    sampler.sample(decoder.logits(row), nothing, {row, 0});
}

/// Memory is read right before and behind each round of decoding: its speed changes by the minute
/// where a machine is shared.
struct Timing {
  MemoryContract memory;
  std::vector<double> token_seconds;
  std::vector<double> prefill_seconds;
  std::vector<double> read_gbps;      // of each round
  std::vector<double> round_medians;  // of token_seconds
  double best_read_gbps = 0;
  double peak_gflops = 0;
};

Timing measure(CompiledModel& model, const BenchFlags& flags, std::int64_t context,
               std::int64_t vocabulary) {
  Decoder decoder(model, context, flags.batch);
  decode(decoder, flags, vocabulary, 0);  // builds the kernels
  if (flags.prompt > 0) prefill(decoder, flags, vocabulary, 0);
  // Measuring the memory's speed takes memory of its own.
  Timing timing = {.memory = memory_contract(model.planned_bytes())};
  for (std::int64_t round = 1; round <= flags.rounds; ++round) {
    const auto number = static_cast<std::uint64_t>(round);
    timing.peak_gflops = std::max(timing.peak_gflops, peak_of_products(flags.common));
    const onednn::ReadSpeed before = onednn::read_speed(flags.common.threads);
    const std::vector<double> seconds = decode(decoder, flags, vocabulary, number);
    const onednn::ReadSpeed behind = onednn::read_speed(flags.common.threads);
    timing.read_gbps.push_back((before.median + behind.median) / 2);
    timing.best_read_gbps = std::max({timing.best_read_gbps, before.best, behind.best});
    timing.round_medians.push_back(median_of(seconds));
    timing.token_seconds.insert(timing.token_seconds.end(), seconds.begin(), seconds.end());
    if (flags.prompt > 0)
      timing.prefill_seconds.push_back(prefill(decoder, flags, vocabulary, number));
  }
  if (flags.profile) print_profile(model, decoder, flags, vocabulary);
  return timing;
}

nlohmann::ordered_json figures(CompiledModel& model, const BenchFlags& flags, std::int64_t context,
                               std::int64_t vocabulary) {
  const Timing timing = measure(model, flags, context, vocabulary);
  const ir::Graph& graph = model.program("decode").graph;
  const double median = median_of(timing.token_seconds);
  const double past = static_cast<double>(flags.begin + flags.end) / 2;
  const double bytes = static_cast<double>(weight_bytes(graph)) + cache_bytes(graph, past);
  nlohmann::ordered_json result;
  result["tokens_per_s"] = static_cast<double>(flags.batch) / median;
  result["ms_per_token"] = {{"min", *std::ranges::min_element(timing.token_seconds) * 1e3},
                            {"median", median * 1e3},
                            {"max", *std::ranges::max_element(timing.token_seconds) * 1e3}};
  std::vector<double> fractions;
  for (std::size_t round = 0; round < timing.read_gbps.size(); ++round)
    fractions.push_back(bytes / (timing.round_medians[round] * timing.read_gbps[round] * 1e9));
  result["bandwidth_fraction"] = median_of(fractions);
  result["read_gbps"] = median_of(timing.read_gbps);
  result["bandwidth_fraction_of_best"] = bytes / (median * timing.best_read_gbps * 1e9);
  result["best_read_gbps"] = timing.best_read_gbps;
  result["weight_bytes"] = weight_bytes(graph);
  result["bytes_per_step"] = bytes;
  if (!timing.prefill_seconds.empty()) {
    const auto tokens = static_cast<double>(flags.prompt);
    const double seconds = median_of(timing.prefill_seconds);
    const double flops = static_cast<double>(flags.batch) * prefill_flops(graph, tokens);
    result["prefill_tokens_per_s"] = static_cast<double>(flags.batch) * tokens / seconds;
    result["prefill_ms"] = seconds * 1e3;
    result["prefill_mfu"] = flops / (seconds * timing.peak_gflops * 1e9);
    result["peak_gflops"] = timing.peak_gflops;
  }
  result["dtype"] = flags.common.dtype;
  result["planned_bytes"] = timing.memory.planned;
  result["measured_bytes"] = timing.memory.measured;
  result["plan_kept"] = timing.memory.holds();
  return result;
}

int run(BenchFlags flags, const std::vector<dsl::Model>& models) {
  const auto start = Clock::now();
  const ModelSource source = sized_model_of(flags.common, models);
  flags.common.dtype = store_name(weight_store(flags.common, source));
  const std::int64_t context = flags.context == 0 ? source.context() : flags.context;
  ir::user_check(context >= 2 && context <= source.context(),
                 "--ctx: it must be from 2 to the model's context of {}, but got {}",
                 source.context(), context);
  ir::user_check(flags.batch >= 1 && flags.rounds >= 1,
                 "--batch and --rounds: they must be at least 1, but got {} and {}", flags.batch,
                 flags.rounds);
  flags.end = std::min(flags.end, context);
  flags.begin = std::min(flags.begin, flags.end / 2);
  flags.prompt = std::min(flags.prompt, context);
  const CompileOptions options = inference_options(flags.common, source);
  // As `generate` does; a folder without a vocabulary has nothing to be waited for.
  std::future<tokenizer::Tokenizer> vocabulary;
  if (source.folder)
    vocabulary = std::async(std::launch::async, find_tokenizer, source.folder->string());
  return_large_blocks_at_once();
  CompiledModel model(source.model, source.config, Decoder::requests(context, flags.batch),
                      options);
  const std::int64_t vocab_size = source.config.integer("vocab_size");
  std::optional<double> first_token_seconds;
  if (source.folder) {
    load_parameters(source, model);
    vocabulary.wait();
    first_token(model, flags, context, vocab_size);
    first_token_seconds = seconds_since(start);
    vocabulary = {};
  } else {
    store_initial_parameters(model, source, options);
    return_free_memory();
    forget_memory_peak();
  }
  nlohmann::ordered_json result = figures(model, flags, context, vocab_size);
  if (first_token_seconds) result["first_token_s"] = *first_token_seconds;
  if (flags.json) {
    write_stdout(result.dump(2) + "\n");
    return exit_code::done;
  }
  write_stdout(fmt::format(
      "{} batch {}, positions {} to {}: {:.1f} tokens/s, {:.2f} ms a step, {:.3f} of {:.1f} GB/s "
      "({:.3f} of {:.1f} at best)",
      source.model.name, flags.batch, flags.begin, flags.end, result["tokens_per_s"].get<double>(),
      result["ms_per_token"]["median"].get<double>(), result["bandwidth_fraction"].get<double>(),
      result["read_gbps"].get<double>(), result["bandwidth_fraction_of_best"].get<double>(),
      result["best_read_gbps"].get<double>()));
  if (result.contains("prefill_ms"))
    write_stdout(fmt::format("; prefill of {} tokens: {:.1f} ms, MFU {:.3f} of {:.1f} GFLOP/s",
                             flags.prompt, result["prefill_ms"].get<double>(),
                             result["prefill_mfu"].get<double>(),
                             result["peak_gflops"].get<double>()));
  if (first_token_seconds)
    write_stdout(fmt::format("; first token after {:.2f} s", *first_token_seconds));
  write_stdout(fmt::format(
      "; {}\n", MemoryContract{result["planned_bytes"], result["measured_bytes"]}.text()));
  return exit_code::done;
}

}  // namespace

void add_bench_generate(CLI::App& bench, Program& program) {
  CLI::App* sub =
      bench.add_subcommand("generate", "Decoding against the memory's speed, prefill against peak");
  auto flags = std::make_shared<BenchFlags>();
  add_model_flags(*sub, flags->common);
  sub->add_option("--batch,--batch-size,-b", flags->batch, "texts at a time");
  sub->add_option("--ctx,--context,--ctx-size,-c", flags->context,
                  "positions the caches hold; 0: the model's context");
  sub->add_option("--prompt-length", flags->prompt, "tokens of the prefill; 0: none");
  sub->add_option("--rounds", flags->rounds, "times everything is measured; figures are medians");
  sub->add_flag("--profile", flags->profile,
                "time every node of decoding, too: by kind and the slowest, on stderr");
  sub->add_flag("--json", flags->json, "the figures as JSON");
  add_weight_flags(*sub, flags->common);
  add_machine_flags(*sub, flags->common);
  sub->footer("Example:\n  gptc bench generate --model gpt2 --batch 1 --json");
  sub->callback([flags, &program] {
    program.chosen = [flags, &program] { return run(*flags, program.models); };
  });
}

}  // namespace gptc::driver
