#include "tools/driver/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "frontend/tokenizer/threads.h"

namespace gptc::driver {

void run_jobs(std::span<const Job> jobs, int threads) {
  if (jobs.empty()) return;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t failed = jobs.size();
  std::exception_ptr failure;
  tokenizer::run_workers(tokenizer::worker_count(threads, jobs.size()), [&] {
    // Jobs before the one that failed have begun, and end: the first failure is among them.
    for (std::size_t i = 0; (i = next.fetch_add(1)) < jobs.size();) {
      try {
        jobs[i]();
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (i < failed) failure = std::current_exception();
        failed = std::min(failed, i);
        next = jobs.size();
      }
    }
  });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace gptc::driver
