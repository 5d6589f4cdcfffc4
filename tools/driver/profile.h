// Where the time of a graph goes, by node and by kind of op, against what the machine can do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "ir/program.h"

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

/// Collects the times of one program's runs. Outlives the hook it gives.
class Profile {
 public:
  Profile(const ir::Program& program, const Ceilings& ceilings);

  [[nodiscard]] runtime::ProfileHook hook();
  /// Closes a run; times are means over the runs.
  void end_run() { ++runs_; }

  /// A table by kind, then the `nodes` slowest ones by the names that --dump-ir=plan gives them:
  /// ms, share of the whole, GFLOP/s or GB/s, and the floor's fraction of the time.
  [[nodiscard]] std::string table(std::size_t nodes) const;

 private:
  struct Entry {
    std::string name;
    double seconds = 0;
    double floor = 0;
    double flops = 0;
    double bytes = 0;
    bool by_compute = false;
    std::int64_t nodes = 1;
  };
  [[nodiscard]] std::vector<Entry> by_node() const;
  [[nodiscard]] std::vector<Entry> by_kind() const;
  [[nodiscard]] std::string lines(std::vector<Entry> entries, std::size_t most, double total) const;

  const ir::Program& program_;
  Ceilings ceilings_;
  std::vector<double> seconds_;  // by node
  std::int64_t runs_ = 0;
};

}  // namespace gptc::driver
