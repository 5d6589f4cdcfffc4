// Where the time of a graph goes, by node and by kind of op, against what the machine can do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "ir/program.h"
#include "tools/driver/compile.h"

namespace gptc::driver {

/// The machine's limits, measured (backends/onednn/peak.h).
struct Ceilings {
  double gflops = 0;  // of f32
  double bf16_gflops = 0;
  double gigabytes_per_second = 0;
};
Ceilings measure_ceilings(int threads);

/// The least seconds a node can take: its operations at the peak or its bytes at the bandwidth,
/// whichever is more.
struct Floor {
  double seconds = 0;
  bool by_compute = false;
};
Floor floor_of(const ir::Graph& graph, ir::NodeId node, const Ceilings& ceilings);

/// A line of a table: a node, or all of a kind.
struct ProfileEntry {
  std::string name;
  double seconds = 0;
  double floor = 0;  // seconds
  double flops = 0;
  double bytes = 0;
  bool by_compute = false;
  std::int64_t nodes = 1;
};

/// How many nodes a table lists if nobody says.
inline constexpr std::int64_t usual_profile_nodes = 30;

/// Collects the times of one program's runs. Outlives the hook it gives.
class Profile {
 public:
  explicit Profile(const ir::Program& program);

  [[nodiscard]] runtime::ProfileHook hook();
  /// Forgets all runs so far.
  void clear();
  /// Runs that were timed; times are means over them.
  [[nodiscard]] std::int64_t runs() const;

  /// A table by kind, then the `nodes` slowest ones by the names that --dump-ir=plan gives them:
  /// ms, share of the whole, GFLOP/s or GB/s, and the floor's fraction of the time.
  [[nodiscard]] std::string table(const Ceilings& ceilings, std::size_t nodes) const;

 private:
  [[nodiscard]] std::vector<ProfileEntry> by_node(const Ceilings& ceilings) const;
  [[nodiscard]] std::vector<ProfileEntry> by_kind(const Ceilings& ceilings) const;

  const ir::Program& program_;
  std::vector<double> seconds_;      // by node
  std::vector<std::int64_t> calls_;  // by node
};

/// Times every node of some of a model's graphs while it lives.
class ModelProfile {
 public:
  ModelProfile(CompiledModel& model, const std::vector<std::string>& graphs);
  ~ModelProfile();
  ModelProfile(const ModelProfile&) = delete;
  ModelProfile& operator=(const ModelProfile&) = delete;

  void clear();
  /// Profile::table of each graph.
  [[nodiscard]] std::string tables(const Ceilings& ceilings, std::int64_t nodes) const;

 private:
  CompiledModel& model_;
  std::vector<std::pair<std::string, std::unique_ptr<Profile>>> profiles_;
};

}  // namespace gptc::driver
