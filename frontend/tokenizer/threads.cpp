#include "frontend/tokenizer/threads.h"

#include <algorithm>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "frontend/tokenizer/error.h"

namespace gptc::tokenizer {

std::size_t worker_count(int threads, std::size_t jobs) {
  if (threads < 0) {
    throw Error("threads must be 0 (all) or more, but got " + std::to_string(threads));
  }
  const std::size_t wanted = threads > 0 ? static_cast<std::size_t>(threads)
                                         : std::max(1u, std::thread::hardware_concurrency());
  return std::max<std::size_t>(1, std::min(wanted, jobs));
}

void run_workers(std::size_t workers, const std::function<void()>& work) {
  std::vector<std::exception_ptr> failures(workers);
  const auto run = [&](std::size_t worker) {
    try {
      work();
    } catch (...) {
      failures[worker] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    others.reserve(workers - 1);
    for (std::size_t worker = 1; worker < workers; ++worker) others.emplace_back(run, worker);
    run(0);
  }
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace gptc::tokenizer
