#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectors/base/address.h"
#include "collectors/bpf/connects.h"

namespace socket_exporter {

/// A network namespace for good: inodes are used again, cookies are not.
struct NetnsId {
  std::uint64_t cookie = 0;
  std::uint32_t inode = 0;  ///< 0: of no namespace in particular
  auto operator<=>(const NetnsId&) const = default;
};

/// Who connects to where. Only `netns` is set where `is_rest`: that counts what found no room.
struct ConnectKey {
  NetnsId netns;
  bool is_rest = false;
  std::uint64_t cgroup = 0;
  std::string comm{};  ///< of the process, as it set it
  IpAddress destination{};
  std::uint16_t port = 0;
  auto operator<=>(const ConnectKey&) const = default;
};

/// By sx_connect_counter; since tracking began, or since the key was forgotten.
using ConnectCounters = std::array<std::uint64_t, SX_CONNECT_COUNTERS>;

struct ConnectRecord {
  ConnectKey key;
  ConnectCounters counters{};
  std::uint32_t pid = 0;  ///< the last that called connect(), as procfs numbers it; 0: not known
};

/// Nanoseconds summed, then how often a time fell into each bucket; see sx_histogram.
using TimeCounters = std::array<std::uint64_t, 1 + SX_BUCKETS>;

/// The other end of connections of all namespaces; all zero: those that found no room.
struct ConnectDestination {
  IpAddress address{};
  std::uint16_t port = 0;
  auto operator<=>(const ConnectDestination&) const = default;
};

struct ConnectTimes {
  ConnectDestination destination;
  std::array<TimeCounters, SX_CONNECT_TIMES> times{};  ///< by sx_connect_time
};

/// What did not change for long.
struct IdleConnects {
  std::vector<ConnectKey> keys{};
  std::vector<ConnectDestination> destinations{};
};

/// Searches of connect() for a local port.
struct PortSearches {
  NetnsId netns;  ///< all zero: those that found no room
  TimeCounters times{};
};

/// What outgoing TCP connections of all namespaces came to.
struct ConnectCounts {
  std::vector<ConnectRecord> connects{};
  std::vector<ConnectTimes> times{};
  bool has_responses = false;                      ///< else they are not timed
  std::vector<PortSearches> searches{};            ///< all, or those in vain
  std::uint64_t older_closed = 0;                  ///< had begun before tracking did
  std::uint64_t missed = 0;                        ///< events and connections that were lost
  std::optional<std::uint64_t> missed_searches{};  ///< where all are timed
};

}  // namespace socket_exporter
