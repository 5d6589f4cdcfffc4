#include "backends/onednn/kernel.h"

#include <omp.h>

#include <exception>

namespace gptc::onednn {

void ItemKernel::execute() {
  const std::int64_t count = items();
  const std::int64_t first = first_items();
  if (threads_ == 1 || (count <= 1 && first <= 1)) {
    for (std::int64_t item = 0; item < first; ++item) run_first(item, scratch_);
    for (std::int64_t item = 0; item < count; ++item) run(item, scratch_);
    finish();
    return;
  }
  if (first == 1) run_first(0, scratch_);
  std::exception_ptr failure;  // exceptions must not leave the parallel region
  const auto keep_failure = [&](const auto& work) {
    try {
      work();
    } catch (...) {
#pragma omp critical(gptc_item_kernel)
      if (!failure) failure = std::current_exception();
    }
  };
  omp_set_schedule(in_runs() ? omp_sched_guided : omp_sched_dynamic, 1);
#pragma omp parallel num_threads(threads_) default(none) shared(count, first, keep_failure)
  {
    std::byte* scratch = scratch_ + omp_get_thread_num() * scratch_bytes_;
    if (first > 1) {
#pragma omp for schedule(dynamic)
      for (std::int64_t item = 0; item < first; ++item)
        keep_failure([&] { run_first(item, scratch); });
    }
#pragma omp for schedule(runtime) nowait
    for (std::int64_t item = 0; item < count; ++item) keep_failure([&] { run(item, scratch); });
  }
  if (failure) std::rethrow_exception(failure);
  finish();
}

}  // namespace gptc::onednn
