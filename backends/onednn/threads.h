// OpenMP's threads, which oneDNN shares.
#pragma once

#include <sched.h>

#include <optional>

namespace gptc::onednn {

/// The number asked for, or all there are for 0.
int resolve_threads(int asked);

/// While it lives, what this thread asks oneDNN about is told for `threads`.
class ThreadCount {
 public:
  explicit ThreadCount(int threads);
  ~ThreadCount();
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

/// While it lives, parallel regions (ours and oneDNN's) opened by this thread use `threads`. If
/// that is a thread for every processor of the process, each stays on its own: left alone, two of
/// them may share one for many milliseconds. Where threads are fewer, the system places them.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  ThreadCount count_;
  std::optional<cpu_set_t> affinity_;  // of the calling thread, if it was changed
};

}  // namespace gptc::onednn
