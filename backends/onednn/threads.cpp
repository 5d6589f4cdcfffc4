#include "backends/onednn/threads.h"

#include <omp.h>
#include <sched.h>

#include <vector>

namespace gptc::onednn {
namespace {

cpu_set_t allowed_now() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  return set;
}

/// The processors that the process may use, as they were before anything was pinned.
const std::vector<std::size_t>& processors() {
  static const std::vector<std::size_t> list = [] {
    const cpu_set_t set = allowed_now();
    std::vector<std::size_t> found;
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) found.push_back(cpu);
    }
    return found;
  }();
  return list;
}

void pin_to(std::size_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

/// OpenMP keeps its threads, so each is pinned once; the calling thread is pinned by the caller.
void pin_workers(int threads) {
#pragma omp parallel num_threads(threads) default(none)
  {
    thread_local bool pinned = false;
    const auto index = static_cast<std::size_t>(omp_get_thread_num());
    if (index != 0 && !pinned) {
      pin_to(processors()[index]);
      pinned = true;
    }
  }
}

}  // namespace

int resolve_threads(int asked) { return asked > 0 ? asked : omp_get_max_threads(); }

ThreadCount::ThreadCount(int threads) : before_(omp_get_max_threads()) {
  omp_set_num_threads(threads);
}

ThreadCount::~ThreadCount() { omp_set_num_threads(before_); }

ThreadScope::ThreadScope(int threads) : count_(threads) {
  if (threads < 2 || static_cast<std::size_t>(threads) != processors().size()) return;
  pin_workers(threads);
  affinity_ = allowed_now();
  pin_to(processors().front());
}

ThreadScope::~ThreadScope() {
  if (affinity_) sched_setaffinity(0, sizeof(*affinity_), &*affinity_);
}

}  // namespace gptc::onednn
