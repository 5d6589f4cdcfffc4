#include "tools/driver/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "backends/onednn/peak.h"
#include "ir/op_def.h"
#include "ir/print.h"

namespace gptc::driver {
namespace {

/// "%12 matmul @h.0.mlp.fc f32[4x256x3072]".
std::string title_of(const ir::Graph& graph, ir::NodeId id,
                     const std::vector<std::vector<std::string>>& names) {
  const ir::Node& node = graph[id];
  std::string title = names[id.index].empty() ? "-" : names[id.index].front();
  title += fmt::format(" {}", ir::op_def(node).name);
  if (!node.origin.scope.empty()) title += " @" + node.origin.scope;
  if (!node.results.empty()) title += " " + node.results.front().text();
  return title;
}

bool multiplies_bf16(const ir::Graph& graph, const ir::Node& node) {
  const auto is_bf16 = [&](ir::Value value) { return graph.type(value).dtype == ir::DType::bf16; };
  return node.operands.size() >= 2 && is_bf16(node.operands[0]) && is_bf16(node.operands[1]);
}

}  // namespace

Ceilings measure_ceilings(int threads) {
  return {.gflops = onednn::peak_gflops(threads),
          .bf16_gflops = onednn::peak_bf16_gflops(threads),
          .gigabytes_per_second = onednn::read_gigabytes_per_second(threads)};
}

Floor floor_of(const ir::Graph& graph, ir::NodeId node, const Ceilings& ceilings) {
  const bool bf16 = multiplies_bf16(graph, graph[node]) && ceilings.bf16_gflops > 0;
  const double gflops = bf16 ? ceilings.bf16_gflops : ceilings.gflops;
  const double compute = ir::flops(graph, node) / (gflops * 1e9);
  const double memory = ir::bytes(graph, node) / (ceilings.gigabytes_per_second * 1e9);
  return {.seconds = std::max(compute, memory), .by_compute = compute >= memory};
}

Profile::Profile(const ir::Program& program, const Ceilings& ceilings)
    : program_(program), ceilings_(ceilings), seconds_(program.graph.slots()) {}

runtime::ProfileHook Profile::hook() {
  return [this](ir::NodeId node, double seconds) { seconds_[node.index] += seconds; };
}

std::vector<Profile::Entry> Profile::by_node() const {
  const ir::Graph& graph = program_.graph;
  const auto names = ir::value_names(graph);
  std::vector<Entry> entries;
  for (const ir::NodeId id : graph.nodes()) {
    const double seconds = seconds_[id.index];
    if (seconds == 0) continue;
    const Floor floor = floor_of(graph, id, ceilings_);
    entries.push_back({.name = title_of(graph, id, names),
                       .seconds = seconds / static_cast<double>(std::max<std::int64_t>(runs_, 1)),
                       .floor = floor.seconds,
                       .flops = ir::flops(graph, id),
                       .bytes = ir::bytes(graph, id),
                       .by_compute = floor.by_compute});
  }
  return entries;
}

std::vector<Profile::Entry> Profile::by_kind() const {
  const ir::Graph& graph = program_.graph;
  const std::vector<Entry> nodes = by_node();
  std::map<std::string_view, Entry> kinds;
  std::size_t next = 0;
  for (const ir::NodeId id : graph.nodes()) {
    if (seconds_[id.index] == 0) continue;
    const Entry& entry = nodes[next++];
    const std::string_view kind = ir::op_def(graph[id]).name;
    Entry& sum = kinds[kind];
    sum.nodes = sum.name.empty() ? 1 : sum.nodes + 1;
    sum.name = kind;
    sum.seconds += entry.seconds;
    sum.floor += entry.floor;
    sum.flops += entry.flops;
    sum.bytes += entry.bytes;
    sum.by_compute = sum.flops / ceilings_.gflops >= sum.bytes / ceilings_.gigabytes_per_second;
  }
  std::vector<Entry> entries;
  for (auto& [kind, entry] : kinds) {
    entry.name += fmt::format(" ({})", entry.nodes);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string Profile::lines(std::vector<Entry> entries, std::size_t most, double total) const {
  std::ranges::stable_sort(entries, std::ranges::greater{}, &Entry::seconds);
  if (entries.size() > most) entries.resize(most);
  std::string text;
  for (const Entry& entry : entries) {
    const double work = (entry.by_compute ? entry.flops : entry.bytes) / entry.seconds * 1e-9;
    text += fmt::format("{:>10.3f} {:>6.2f} % {:>9.1f} {:<7} {:>5.2f}  {}\n", entry.seconds * 1e3,
                        100 * entry.seconds / total, work, entry.by_compute ? "GFLOP/s" : "GB/s",
                        entry.floor / entry.seconds, entry.name);
  }
  return text;
}

std::string Profile::table(std::size_t nodes) const {
  double total = 0;
  double floor = 0;
  for (const Entry& entry : by_node()) {
    total += entry.seconds;
    floor += entry.floor;
  }
  std::string text = fmt::format(
      "graph {}: {:.3f} ms a run, floor {:.3f} ms ({:.2f}); ceilings {:.1f} GFLOP/s f32, {:.1f} "
      "bf16, {:.1f} GB/s read\n",
      program_.graph.name(), total * 1e3, floor * 1e3, total > 0 ? floor / total : 0,
      ceilings_.gflops, ceilings_.bf16_gflops, ceilings_.gigabytes_per_second);
  text += "        ms    share      rate          floor  kind (nodes)\n";
  text += lines(by_kind(), static_cast<std::size_t>(-1), total);
  text +=
      fmt::format("        ms    share      rate          floor  the {} slowest nodes\n", nodes);
  return text + lines(by_node(), nodes, total);
}

}  // namespace gptc::driver
