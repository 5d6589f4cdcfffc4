// OpenMP's threads, which oneDNN shares.
#pragma once

namespace gptc::onednn {

/// The number asked for, or all there are for 0.
int resolve_threads(int asked);

/// While it lives, parallel regions (ours and oneDNN's) opened by this thread use `threads`.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

}  // namespace gptc::onednn
