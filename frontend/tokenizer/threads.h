#pragma once

#include <cstddef>
#include <functional>

namespace gptc::tokenizer {

/// `threads` as options give it, 0 for as many as the machine has, but no more than `jobs` and at
/// least 1. Throws Error if it is negative.
std::size_t worker_count(int threads, std::size_t jobs);

/// Runs `work` on `workers` threads at once, the calling one among them, and returns when all are
/// done; on fewer where the system has no more to give, so they must share the work out themselves.
/// Rethrows the exception of one that failed.
///
/// The threads stay and wait for the next call, as many as ever worked at once: a new thread may
/// stand behind its creator for milliseconds before a processor that is free fetches it, while one
/// that wakes goes there at once.
void run_workers(std::size_t workers, const std::function<void()>& work);

}  // namespace gptc::tokenizer
