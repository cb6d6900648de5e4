#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/port_usage.h"
#include "collectors/websocket_series.h"
#include "exporter/diagnosis/observation.h"

namespace socket_exporter {

using StateCounts = std::array<std::uint32_t, kTcpStates>;

inline std::uint32_t count_of(const StateCounts& states, TcpState state) {
  return states[static_cast<std::size_t>(state)];
}
/// Connections that a process holds open: the kernel keeps those of other states by itself.
std::uint64_t open_connections(const StateCounts& states);

struct SeenTuple {
  TupleKey key;
  TupleUse use;
  std::string service;  ///< the operator's name of the destination, or empty
  ProcessName process;  ///< that holds most of the destination's sockets
};

/// The process that holds most ports of the range in one way.
struct SeenHolder {
  ProcessName process;
  std::uint64_t ports = 0;
};

/// A local address with sockets in the port range.
struct SeenSource {
  IpAddress address;
  std::uint64_t sockets = 0;
  IpAddress destination;  ///< that most of its sockets go to
  std::uint16_t destination_port = 0;
  std::uint64_t destinations = 0;  ///< how many (address, port) there are; 0: none is outgoing
  ProcessName process;
};

struct SeenListener {
  IpAddress address;
  std::uint16_t port = 0;
  std::uint32_t waiting = 0;  ///< for accept()
  std::uint32_t limit = kQueueLimitUnknown;
  ProcessName process;

  bool is_full() const { return limit != kQueueLimitUnknown && waiting > limit; }
  /// Of the limit + 1 connections that fit in before the kernel drops.
  int used_percent() const;
};

struct SeenProcess {
  ProcessName process;
  StateCounts tcp{};
  std::uint64_t udp = 0;
  std::uint64_t open_fds = 0;
  std::optional<std::uint64_t> fds_limit;  ///< kUnlimited is none
  std::string netns;  ///< that the process is in, where it is another than the one looked at

  std::uint64_t sockets() const;
  int fds_percent() const;  ///< of the limit; 0 where there is none
};

/// CLOSE_WAIT sockets of one process: the peer closed, the process did not.
struct SeenCloseWait {
  ProcessName process;
  std::uint32_t close_wait = 0;
  std::uint64_t connections = 0;  ///< that the process holds open in all
  IpAddress peer;                 ///< the largest group's peer, or its own listening address
  std::uint16_t peer_port = 0;
  bool inbound = false;  ///< the group was accepted by a listener
};

/// Sockets that found no room in a table that is full, by table; one may be in several.
struct SeenLeftOut {
  std::uint64_t tuples = 0;       ///< of no tuple
  std::uint64_t sources = 0;      ///< of no local address
  std::uint64_t peers = 0;        ///< of no process's peer
  std::uint64_t close_waits = 0;  ///< of no group of CLOSE_WAIT

  bool any() const { return tuples + sources + peers + close_waits > 0; }
};

/// "nginx (pid 42)", with its network namespace where it is another.
std::string to_string(const SeenProcess& process);

/// What one pass over the sockets of a namespace and their owners saw; lists are largest first
/// and short.
struct SeenSockets {
  std::uint16_t port_min = 0;
  std::uint16_t port_max = 0;
  std::uint32_t reserved = 0;
  PortSpace::Reuse reuse = PortSpace::Reuse::never;  ///< of ports in TIME_WAIT
  PortUse tcp_ports;
  std::uint32_t tcp_kept = 0;  ///< of those used: less those that all their sockets give back
  StateCounts bound_states{};  ///< of TCP sockets that bind() or listen() gave a port of the range
  SeenHolder bound_holder;     ///< of such ports
  std::uint64_t in_range = 0;  ///< TCP sockets with a local port of the range
  StateCounts states{};        ///< of all TCP sockets
  std::uint64_t udp = 0;       ///< UDP sockets
  PortUse udp_ports;
  std::uint64_t udp_in_range = 0;
  SeenHolder udp_holder;
  std::vector<SeenSource> udp_sources;  ///< without destinations
  StateCounts range_states{};           ///< of those in the range
  std::uint64_t given_back = 0;         ///< sockets in the range that give their port back
  std::uint64_t tuple_count = 0;        ///< of all TCP tuples
  std::vector<SeenTuple> tuples;
  std::optional<SeenTuple> silent;  ///< the tuple with most SYN_SENT
  std::vector<SeenSource> sources;
  std::vector<SeenListener> listeners;
  std::vector<SeenProcess> processes;
  std::vector<SeenCloseWait> close_waits;
  SeenLeftOut left_out;

  std::uint32_t total_ports() const { return static_cast<std::uint32_t>(port_max - port_min) + 1; }
  std::uint32_t unreserved_ports() const { return total_ports() - reserved; }
  /// Ports of the range that are in use, of those not reserved.
  int used_percent() const;
  /// Ports that bind() or listen() holds, so that connect() takes them to no destination.
  std::uint32_t bound_ports() const { return unreserved_ports() - tcp_ports.usable; }
  /// Ports in use that connect() takes over all the same.
  std::uint32_t reusable_ports() const { return tcp_ports.used - tcp_kept; }
  int udp_percent() const;
  /// Enough of them to be worth a word.
  bool udp_matters() const { return udp_percent() >= 10; }
  /// Ports that the tuple has, of those that connect() may take.
  int used_percent(const TupleUse& use) const;
};

/// File descriptors of the whole host, which the own namespace answers for, and of processes,
/// fullest first.
struct SeenDescriptors {
  std::uint64_t open = 0;
  std::uint64_t limit = 0;
  std::vector<SeenProcess> processes;
  std::uint64_t unreadable = 0;  ///< processes that could not be looked into
};

struct SeenConntrack {
  std::uint64_t entries = 0;
  std::uint64_t limit = 0;
  std::uint64_t dropped = 0;  ///< since boot: packets and entries lost to a full table
};

/// Limits on TCP sockets, and what was lost since the namespace began.
struct SeenLimits {
  std::optional<std::uint64_t> time_wait_limit;
  std::optional<std::uint64_t> orphans;
  std::optional<std::uint64_t> orphans_limit;
  std::optional<std::uint64_t> listen_overflows;
  std::optional<std::uint64_t> listen_drops;
};

/// One line of /proc/sys that decides about sockets.
struct SeenSysctl {
  std::string name;   ///< "net.ipv4.tcp_tw_reuse"
  std::string value;  ///< words apart by one blank
};

/// Which parts of an Inspection are wanted: the rest costs nothing.
struct Needs {
  bool sockets = false;
  bool descriptors = false;
  bool conntrack = false;
  bool settings = false;  ///< limits and sysctls
};

/// What could not be read of a namespace other than the own, or watched.
struct SeenGaps {
  std::vector<std::string> parts;  ///< "connection tracking"
  std::string why;                 ///< of the first, printable

  void add(std::string_view part, const Error& error);
};

/// What a check and the report judge: values of one network namespace, read once.
struct Inspection {
  static Error not_asked() { return {Error::Kind::unavailable, "not asked for"}; }

  NetNs ns{0, "host"};
  bool is_own = true;            ///< the exporter's
  std::uint32_t inside_pid = 0;  ///< a process in another namespace; 0: none known
  Result<SeenSockets> sockets = not_asked();
  Result<SeenDescriptors> descriptors = not_asked();
  Result<SeenConntrack> conntrack = not_asked();
  SeenLimits limits;
  std::vector<SeenSysctl> sysctls;
  std::uint64_t unreadable_processes = 0;
  std::optional<Error> owners_error;  ///< why no socket has a process
  std::optional<SeenWatch> watch;     ///< nothing when connections were not watched
  /// Nothing where WebSockets are not followed.
  std::optional<std::vector<WebsocketSeries>> websockets;
  SeenGaps gaps;

  /// Value of a sysctl, or empty.
  std::string_view sysctl(std::string_view name) const;
};

/// Reads what is needed of each namespace, with one pass over sockets and one over owners for all.
/// Of several, those that ended meanwhile are left out. Gather thread, or a program without.
std::vector<Inspection> inspect(Kernel& kernel, Snapshot& snapshot,
                                std::span<const NetNs> namespaces, const Needs& needs);

}  // namespace socket_exporter
