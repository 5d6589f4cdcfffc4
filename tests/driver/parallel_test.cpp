// Jobs that threads share.
#include "tools/driver/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace gptc::driver {
namespace {

TEST(Jobs, RunOnceEach) {
  for (const int threads : {1, 2, 7}) {
    std::vector<std::atomic<int>> runs(50);
    std::vector<Job> jobs;
    for (std::atomic<int>& count : runs) jobs.emplace_back([&count] { ++count; });
    run_jobs(jobs, threads);
    for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
  }
  run_jobs({}, 2);
}

TEST(Jobs, TheFirstFailureIsToldWhateverTheThreads) {
  std::vector<Job> jobs;
  for (int i = 0; i < 40; ++i) {
    jobs.emplace_back([i] {
      if (i % 10 == 7) throw std::runtime_error(std::to_string(i));
    });
  }
  for (int tries = 0; tries < 50; ++tries) {
    try {
      run_jobs(jobs, 4);
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(std::string(error.what()), "7");
    }
  }
}

}  // namespace
}  // namespace gptc::driver
