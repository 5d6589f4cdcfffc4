#include "frontend/tokenizer/threads.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace gptc::tokenizer::testing {
namespace {

/// Whose work takes items until there are none.
int items_done(std::size_t workers, int items) {
  std::atomic<int> next{0};
  std::atomic<int> done{0};
  run_workers(workers, [&] {
    while (next.fetch_add(1) < items) ++done;
  });
  return done;
}

TEST(RunWorkers, all_is_done_by_any_number_again_and_again) {
  for (int round = 0; round < 200; ++round) {
    for (const std::size_t workers : {1u, 2u, 3u, 17u}) ASSERT_EQ(items_done(workers, 100), 100);
  }
}

TEST(RunWorkers, works_on_several_threads_at_once) {
  std::atomic<int> arrived{0};
  run_workers(3, [&] {
    ++arrived;
    while (arrived < 3) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 3);
}

TEST(RunWorkers, those_that_take_longer_are_waited_for) {
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> begun{false};
  std::atomic<bool> ended{false};
  run_workers(2, [&] {
    if (std::this_thread::get_id() == caller) {
      while (!begun) std::this_thread::yield();
      return;
    }
    begun = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ended = true;
  });
  EXPECT_TRUE(ended);
}

TEST(RunWorkers, calls_at_once_and_within_each_other) {
  std::atomic<int> done{0};
  run_workers(4, [&] {
    for (int i = 0; i < 50; ++i) done += items_done(3, 10);
  });
  EXPECT_EQ(done % 500, 0);
  EXPECT_GE(done, 500);
}

TEST(RunWorkers, a_failure_is_rethrown_when_all_have_stopped) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> working{0};
    const auto run = [&] {
      run_workers(3, [&] {
        ++working;
        std::this_thread::yield();
        --working;
        throw std::runtime_error("failed");
      });
    };
    EXPECT_THROW(run(), std::runtime_error);
    EXPECT_EQ(working, 0);
  }
  EXPECT_EQ(items_done(3, 10), 10);
}

TEST(RunWorkers, a_child_process_has_threads_of_its_own) {
  ASSERT_EQ(items_done(3, 10), 10);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(20);  // instead of waiting for threads that are not there
    std::atomic<int> arrived{0};
    run_workers(3, [&] {
      ++arrived;
      while (arrived < 3) std::this_thread::yield();
    });
    _exit(arrived == 3 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace gptc::tokenizer::testing
