#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "collectors/base/result.h"

namespace socket_exporter {

/// What /proc/<pid>/stat tells of a process; times are in clock ticks.
struct ProcessStat {
  std::uint64_t user_time = 0;
  std::uint64_t system_time = 0;
  std::uint64_t start_time = 0;  ///< since boot
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_pages = 0;
};
Result<ProcessStat> parse_process_stat(std::string_view text);

/// A limit that is none: the kernel's RLIM_INFINITY.
inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

/// Soft limits of /proc/<pid>/limits; a limit the kernel did not print is empty.
struct ProcessLimits {
  std::optional<std::uint64_t> open_files;
  std::optional<std::uint64_t> address_space_bytes;
};
Result<ProcessLimits> parse_process_limits(std::string_view text);

/// When the host booted, in seconds since 1970: "btime" of /proc/stat.
Result<std::uint64_t> parse_boot_time(std::string_view text);

}  // namespace socket_exporter
