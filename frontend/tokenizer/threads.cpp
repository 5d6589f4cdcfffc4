#include "frontend/tokenizer/threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "frontend/tokenizer/error.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace gptc::tokenizer {
namespace {

/// A call of run_workers: what is to be done, by how many still, and what went wrong first.
struct Call {
  const std::function<void()>* work;
  std::atomic<std::size_t> working = 0;
  std::exception_ptr failure;
};

/// Threads that wait to be used again.
class Crew {
 public:
  /// The process's own. It is never destroyed: its threads end with the process. A child process
  /// has none of them and begins anew.
  static Crew& get() {
    static Crew* crew = new Crew;
#if defined(__unix__) || defined(__APPLE__)
    static const int told = pthread_atfork(nullptr, nullptr, [] { crew = new Crew; });
    static_cast<void>(told);
#endif
    return *crew;
  }

  void run(std::size_t workers, const std::function<void()>& work) {
    Call call{.work = &work};
    {
      std::unique_lock lock(mutex_);
      call.working = workers;
      queue_.insert(queue_.end(), workers - 1, &call);
      for (std::size_t more = queue_.size() - std::min(queue_.size(), idle_); more > 0; --more) {
        if (!add_thread()) break;
      }
    }
    for (std::size_t other = 1; other < workers; ++other) wake_.notify_one();
    finish_one(call);
    {
      // Nobody need begin what the others have done by now.
      const std::scoped_lock lock(mutex_);
      call.working -= static_cast<std::size_t>(std::erase(queue_, &call));
    }
    watch(call);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return call.working == 0; });
    if (call.failure) std::rethrow_exception(call.failure);
  }

 private:
  /// The others are mostly about to be done: to sleep and be woken takes longer, 0.05 to 0.15 ms on
  /// a virtual machine.
  static void watch(const Call& call) {
    const auto end = std::chrono::steady_clock::now() + kWatch;
    while (call.working > 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  }

  bool add_thread() {
    try {
      std::thread([this] { serve(); }).detach();
    } catch (const std::exception&) {  // none to be had, or no memory for it
      return false;
    }
    ++idle_;
    return true;
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return !queue_.empty(); });
      Call* const call = queue_.back();
      queue_.pop_back();
      --idle_;
      lock.unlock();
      finish_one(*call);
      lock.lock();
      ++idle_;
    }
  }

  void finish_one(Call& call) {
    std::exception_ptr failure;
    try {
      (*call.work)();
    } catch (...) {
      failure = std::current_exception();
    }
    const std::scoped_lock lock(mutex_);
    if (failure && !call.failure) call.failure = failure;
    if (--call.working == 0) done_.notify_all();
  }

  static constexpr std::chrono::microseconds kWatch{500};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::vector<Call*> queue_;
  std::size_t idle_ = 0;  // threads that wait or are about to
};

}  // namespace

std::size_t worker_count(int threads, std::size_t jobs) {
  if (threads < 0) {
    throw Error("threads must be 0 (all) or more, but got " + std::to_string(threads));
  }
  const std::size_t wanted = threads > 0 ? static_cast<std::size_t>(threads)
                                         : std::max(1u, std::thread::hardware_concurrency());
  return std::max<std::size_t>(1, std::min(wanted, jobs));
}

void run_workers(std::size_t workers, const std::function<void()>& work) {
  if (workers <= 1) return work();
  Crew::get().run(workers, work);
}

}  // namespace gptc::tokenizer
