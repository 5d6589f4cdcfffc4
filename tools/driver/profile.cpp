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

std::string lines(std::vector<ProfileEntry> entries, std::size_t most, double total) {
  std::ranges::stable_sort(entries, std::ranges::greater{}, &ProfileEntry::seconds);
  if (entries.size() > most) entries.resize(most);
  std::string text;
  for (const ProfileEntry& entry : entries) {
    const double work = (entry.by_compute ? entry.flops : entry.bytes) / entry.seconds * 1e-9;
    text += fmt::format("{:>10.3f} {:>6.2f} % {:>9.1f} {:<7} {:>5.2f}  {}\n", entry.seconds * 1e3,
                        100 * entry.seconds / total, work, entry.by_compute ? "GFLOP/s" : "GB/s",
                        entry.floor / entry.seconds, entry.name);
  }
  return text;
}

}  // namespace

Ceilings measure_ceilings(int threads) {
  return {.gflops = onednn::peak_gflops(threads),
          .bf16_gflops = onednn::peak_bf16_gflops(threads),
          .gigabytes_per_second = onednn::read_speed(threads).best};
}

Floor floor_of(const ir::Graph& graph, ir::NodeId node, const Ceilings& ceilings) {
  const bool bf16 = multiplies_bf16(graph, graph[node]) && ceilings.bf16_gflops > 0;
  const double gflops = bf16 ? ceilings.bf16_gflops : ceilings.gflops;
  const double compute = ir::flops(graph, node) / (gflops * 1e9);
  const double memory = ir::bytes(graph, node) / (ceilings.gigabytes_per_second * 1e9);
  return {.seconds = std::max(compute, memory), .by_compute = compute >= memory};
}

Profile::Profile(const ir::Program& program)
    : program_(program), seconds_(program.graph.slots()), calls_(program.graph.slots()) {}

runtime::ProfileHook Profile::hook() {
  return [this](ir::NodeId node, double seconds) {
    seconds_[node.index] += seconds;
    ++calls_[node.index];
  };
}

void Profile::clear() {
  std::ranges::fill(seconds_, 0);
  std::ranges::fill(calls_, 0);
}

std::int64_t Profile::runs() const {
  return calls_.empty() ? 0 : *std::ranges::max_element(calls_);
}

std::vector<ProfileEntry> Profile::by_node(const Ceilings& ceilings) const {
  const ir::Graph& graph = program_.graph;
  const auto names = ir::value_names(graph);
  const auto runs = static_cast<double>(std::max<std::int64_t>(this->runs(), 1));
  std::vector<ProfileEntry> entries;
  for (const ir::NodeId id : graph.nodes()) {
    const double seconds = seconds_[id.index] / runs;
    if (seconds == 0) continue;
    const Floor floor = floor_of(graph, id, ceilings);
    entries.push_back({.name = title_of(graph, id, names),
                       .seconds = seconds,
                       .floor = floor.seconds,
                       .flops = ir::flops(graph, id),
                       .bytes = ir::bytes(graph, id),
                       .by_compute = floor.by_compute});
  }
  return entries;
}

std::vector<ProfileEntry> Profile::by_kind(const Ceilings& ceilings) const {
  const ir::Graph& graph = program_.graph;
  const std::vector<ProfileEntry> nodes = by_node(ceilings);
  std::map<std::string_view, ProfileEntry> kinds;
  std::map<std::string_view, double> compute_floors;  // of nodes that operations bound
  std::size_t next = 0;
  for (const ir::NodeId id : graph.nodes()) {
    if (seconds_[id.index] == 0) continue;
    const ProfileEntry& entry = nodes[next++];
    const std::string_view kind = ir::op_def(graph[id]).name;
    ProfileEntry& sum = kinds[kind];
    sum.nodes = sum.name.empty() ? 1 : sum.nodes + 1;
    sum.name = kind;
    sum.seconds += entry.seconds;
    sum.floor += entry.floor;
    sum.flops += entry.flops;
    sum.bytes += entry.bytes;
    if (entry.by_compute) compute_floors[kind] += entry.floor;
    sum.by_compute = 2 * compute_floors[kind] >= sum.floor;
  }
  std::vector<ProfileEntry> entries;
  for (auto& [kind, entry] : kinds) {
    entry.name += fmt::format(" ({})", entry.nodes);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string Profile::table(const Ceilings& ceilings, std::size_t nodes) const {
  const std::vector<ProfileEntry> entries = by_node(ceilings);
  double total = 0;
  double floor = 0;
  for (const ProfileEntry& entry : entries) {
    total += entry.seconds;
    floor += entry.floor;
  }
  std::string text = fmt::format(
      "graph {}: {:.3f} ms a run (mean of {}), floor {:.3f} ms ({:.2f}); ceilings {:.1f} GFLOP/s "
      "f32, {:.1f} bf16, {:.1f} GB/s read\n",
      program_.graph.name(), total * 1e3, runs(), floor * 1e3, total > 0 ? floor / total : 0,
      ceilings.gflops, ceilings.bf16_gflops, ceilings.gigabytes_per_second);
  text += "        ms    share      rate          floor  kind (nodes)\n";
  text += lines(by_kind(ceilings), static_cast<std::size_t>(-1), total);
  text += fmt::format("        ms    share      rate          floor  the {} slowest nodes\n",
                      std::min(nodes, entries.size()));
  return text + lines(entries, nodes, total);
}

ModelProfile::ModelProfile(CompiledModel& model, const std::vector<std::string>& graphs)
    : model_(model) {
  for (const std::string& graph : graphs) {
    profiles_.emplace_back(graph, std::make_unique<Profile>(model.program(graph)));
    model_.profile(graph, profiles_.back().second->hook());
  }
}

ModelProfile::~ModelProfile() {
  for (const auto& [graph, profile] : profiles_) model_.profile(graph, {});
}

void ModelProfile::clear() {
  for (const auto& [graph, profile] : profiles_) profile->clear();
}

std::string ModelProfile::tables(const Ceilings& ceilings, std::int64_t nodes) const {
  std::string text;
  for (const auto& [graph, profile] : profiles_)
    text += profile->table(ceilings, static_cast<std::size_t>(nodes));
  return text;
}

}  // namespace gptc::driver
