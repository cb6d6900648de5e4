#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// A hash table of UDP sockets, or of TCP sockets that are no listeners. All namespaces have one of
/// each in common, unless net.ipv4.tcp_child_ehash_entries or udp_child_hash_entries gave them
/// their own.
struct SocketTable {
  Protocol protocol = Protocol::tcp;
  std::uint64_t address = 0;  ///< 0: the table of the calling thread's namespace
  std::uint32_t buckets = 0;
  auto operator<=>(const SocketTable&) const = default;
};

/// A network namespace and those of its settings that decide about ports, as eBPF reads them.
struct NetnsRecord {
  std::uint32_t inode = 0;
  std::uint64_t cookie = 0;
  std::array<SocketTable, 2> tables;  ///< TCP, UDP; namespaces may share them
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
