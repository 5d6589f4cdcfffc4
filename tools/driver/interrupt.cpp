#include "tools/driver/interrupt.h"

#include <unistd.h>

namespace gptc::driver {
namespace {

volatile std::sig_atomic_t noted = 0;

void note(int) {
  constexpr int interrupted = 130;
  if (noted != 0) _exit(interrupted);
  noted = 1;
}

}  // namespace

Interrupt::Interrupt() {
  noted = 0;
  struct sigaction action {};
  action.sa_handler = note;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

bool Interrupt::asked() const { return noted != 0; }

}  // namespace gptc::driver
