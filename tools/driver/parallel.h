// Work that threads share.
#pragma once

#include <functional>
#include <span>

namespace gptc::driver {

using Job = std::function<void()>;

/// Runs the jobs on `threads` threads (0: as many as there are), begun in their order. If jobs
/// throw, the exception of the first of them is rethrown, whatever the number of threads; later
/// jobs may then not run.
void run_jobs(std::span<const Job> jobs, int threads);

}  // namespace gptc::driver
