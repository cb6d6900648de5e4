#pragma once

#include <cstdint>

#include "collectors/base/result.h"

namespace socket_exporter {

/// Bytes of a memory page, the unit of memory in /proc. Any thread.
std::int64_t page_size();

/// Clock ticks of a second, the unit of CPU time in /proc. Any thread.
std::int64_t ticks_per_second();

/// How long a jiffy is, the unit of the kernel's own timers. Any thread.
Result<std::uint64_t> nanos_per_jiffy();

}  // namespace socket_exporter
