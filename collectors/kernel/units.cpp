#include "collectors/kernel/units.h"

#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace socket_exporter {

std::int64_t page_size() {
  return ::sysconf(_SC_PAGESIZE);
}

std::int64_t ticks_per_second() {
  return ::sysconf(_SC_CLK_TCK);
}

// The resolution of the coarse clocks is the kernel's tick: no configuration file to find.
Result<std::uint64_t> nanos_per_jiffy() {
  timespec tick{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0) return errno_error("clock_getres", errno);
  return static_cast<std::uint64_t>(tick.tv_nsec);
}

}  // namespace socket_exporter
