#pragma once

#include <cstdint>

namespace socket_exporter {

/// Bytes of a memory page, the unit of memory in /proc. Any thread.
std::int64_t page_size();

/// Clock ticks of a second, the unit of CPU time in /proc. Any thread.
std::int64_t ticks_per_second();

}  // namespace socket_exporter
