#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"

namespace socket_exporter {

/// Ports from min to max, both included, in host order.
struct PortRange {
  std::uint16_t min = 0;
  std::uint16_t max = 0;
  bool operator==(const PortRange&) const = default;
};

/// Contents of /proc/sys/net/ipv4/ip_local_port_range.
Result<PortRange> parse_port_range(std::string_view text);

/// Contents of /proc/sys/net/ipv4/ip_local_reserved_ports, often none.
Result<std::vector<PortRange>> parse_reserved_ports(std::string_view text);

/// Contents of /proc/sys/net/ipv4/tcp_mem, in pages.
struct TcpMemoryLimits {
  std::uint64_t low = 0;       ///< below it the kernel does not care
  std::uint64_t pressure = 0;  ///< above it buffers shrink
  std::uint64_t high = 0;      ///< above it allocations fail
};
Result<TcpMemoryLimits> parse_tcp_mem(std::string_view text);

/// Contents of /proc/sys/fs/file-nr: open files of the whole host, sockets among them.
struct FileNr {
  std::uint64_t open = 0;
  std::uint64_t limit = 0;
};
Result<FileNr> parse_file_nr(std::string_view text);

}  // namespace socket_exporter
