// Ctrl-C and SIGTERM as a wish that long work looks at between two steps.
#pragma once

#include <csignal>

namespace gptc::driver {

/// While it lives, the first SIGINT or SIGTERM is noted, and a second one ends the program at
/// once with status 130. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  [[nodiscard]] bool asked() const;

 private:
  struct sigaction old_interrupt_ {};
  struct sigaction old_terminate_ {};
};

}  // namespace gptc::driver
