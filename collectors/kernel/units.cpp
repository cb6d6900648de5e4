#include "collectors/kernel/units.h"

#include <unistd.h>

namespace socket_exporter {

std::int64_t page_size() {
  return ::sysconf(_SC_PAGESIZE);
}

std::int64_t ticks_per_second() {
  return ::sysconf(_SC_CLK_TCK);
}

}  // namespace socket_exporter
