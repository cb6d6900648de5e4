#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socket_exporter {

/// A network namespace and those of its settings that decide about ports, as eBPF reads them.
struct NetnsRecord {
  std::uint32_t inode = 0;
  std::uint64_t cookie = 0;
  std::uint64_t ehash =
      0;  ///< tells namespaces with a table of their own from those that share one
  std::uint32_t ehash_buckets = 0;
  std::uint16_t first_port = 0;
  std::uint16_t last_port = 0;
  std::optional<std::string> reserved_ports;  ///< as the kernel writes them: "80,8000-8010"
  std::uint32_t tw_reuse = 0;
  std::optional<std::uint32_t> tw_reuse_delay_ms;  ///< since Linux 6.13
  std::uint32_t timestamps = 0;
  std::uint32_t fin_timeout_seconds = 0;
  std::uint32_t somaxconn = 0;
  std::uint32_t max_tw_buckets = 0;
};

/// What the file below the procfs root ("sys/net/ipv4/tcp_tw_reuse") holds in that namespace;
/// nothing where the record does not tell.
std::optional<std::string> sysctl_text(const NetnsRecord& record, std::string_view path);

/// Words of a bitmap, lowest bit first, as ports and ranges: "80,8000-8010".
std::string ports_text(std::span<const unsigned long long> bitmap);

/// The ports of a record, by its SX_NETNS_PORTS_*; nothing where they could not be read.
std::optional<std::string> reserved_ports(std::uint32_t state,
                                          std::span<const unsigned long long> bitmap);

}  // namespace socket_exporter
