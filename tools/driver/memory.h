// Memory as a person writes it, and as the process has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gptc::driver {

/// Bytes of "2GiB", "512MiB", "2G", "1.5GB", "1073741824": K, M, G, T and KiB … TiB are powers of
/// 1024, KB … TB of 1000. Empty: 0. UserError naming `flag` for anything else.
std::int64_t parse_bytes(std::string_view flag, std::string_view text);

/// Memory that is the process's own: pages of mapped files, code among them, do not count.
struct OwnMemory {
  std::int64_t now = 0;
  std::int64_t most = 0;  // since the process began
};

/// From /proc/self/status; zeros where there is none.
OwnMemory own_memory();

/// Gives back to the system what the allocator holds and nobody uses (glibc's; nothing elsewhere).
void return_free_memory();
/// Lets it give back blocks of a MiB and more whenever they are freed, for the rest of the process:
/// less memory, some time for each (glibc's; nothing elsewhere).
void return_large_blocks_at_once();

/// Measuring begins anew: what was taken and given back does not count. Where the system cannot, it
/// does.
void forget_memory_peak();

/// What the process had when this was first called: main calls it at its start.
std::int64_t own_memory_at_start();

/// A plan's promise: the most that a run takes beside what the process had at its start.
struct MemoryContract {
  std::int64_t planned = 0;
  std::int64_t measured = 0;

  /// measured ≤ planned · 1.01 + 20 MB: code, threads and the compiler's own graphs are small.
  [[nodiscard]] bool holds() const;
  /// "plan 1.50 GiB, measured 1.49 GiB".
  [[nodiscard]] std::string text() const;
};
/// Measures now.
MemoryContract memory_contract(std::int64_t planned);

/// "1.50 GiB", "12.0 MiB".
std::string size_text(std::int64_t bytes);

}  // namespace gptc::driver
