#include "backends/onednn/kernel.h"

#include <omp.h>

#include <exception>

namespace gptc::onednn {

void ItemKernel::execute() {
  const std::int64_t count = items();
  if (threads_ == 1 || count <= 1) {
    for (std::int64_t item = 0; item < count; ++item) run(item, scratch_);
    finish();
    return;
  }
  std::exception_ptr failure;  // exceptions must not leave the parallel region
#pragma omp parallel num_threads(threads_) default(none) shared(count, failure)
  {
    std::byte* scratch = scratch_ + omp_get_thread_num() * scratch_bytes_;
#pragma omp for schedule(dynamic)
    for (std::int64_t item = 0; item < count; ++item) {
      try {
        run(item, scratch);
      } catch (...) {
#pragma omp critical(gptc_item_kernel)
        if (!failure) failure = std::current_exception();
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
  finish();
}

}  // namespace gptc::onednn
