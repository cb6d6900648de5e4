#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "collectors/base/address.h"
#include "collectors/bind_ledger.h"
#include "collectors/connect_ledger.h"
#include "collectors/cpu_ledger.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/listed_netns.h"
#include "collectors/netstat_fields.h"
#include "collectors/sticky_top.h"
#include "collectors/websocket_ledger.h"

namespace socket_exporter {

/// What a connect() competes for: local ports towards one destination from one source.
struct TupleKey {
  std::uint32_t netns = 0;
  Protocol protocol = Protocol::tcp;
  IpAddress source{};
  IpAddress destination{};
  std::uint16_t destination_port = 0;
  auto operator<=>(const TupleKey&) const = default;
};

/// Processes that one series stands for; label values.
struct ProcessKey {
  std::string netns;
  std::string pod_namespace;
  std::string pod;
  std::string container;
  std::string comm;
  auto operator<=>(const ProcessKey&) const = default;
};

/// The name of the process that was last seen with sockets of a destination.
struct KnownComm {
  std::string comm;  ///< printable; empty: none yet
  std::chrono::steady_clock::time_point asked;
};

struct PortSpace;

/// What makes two namespaces give the same ports to connect(): the text of ip_local_port_range and
/// ip_local_reserved_ports, tcp_tw_reuse, tcp_timestamps and tcp_tw_reuse_delay.
using PortSettings = std::tuple<std::string, std::string, std::int64_t, std::int64_t, std::int64_t>;

/// What collectors remember from scrape to scrape. Gather thread only.
struct History {
  /// What is remembered of namespaces that are not among all those of the host any more.
  void forget_gone(std::span<const NetNs> namespaces);

  ListedNetns listed;
  StickyTop<TupleKey> tuples;
  StickyTop<DestinationKey> destinations;
  /// Those in use; a hundred namespaces have one in common.
  std::map<PortSettings, std::weak_ptr<const PortSpace>> port_spaces;
  StickyTop<ProcessKey> processes;
  /// Of the destinations shown: a process may be gone while its TIME_WAIT sockets remain.
  std::map<DestinationKey, KnownComm> destination_comms;
  ConnectLedger connects;
  BindLedger binds;
  WebsocketLedger websockets;
  CpuLedger websocket_servers;
  /// What the field filter said of a netstat field.
  NetstatFields netstat_fields;
  /// When the host started, in seconds since 1970; /proc/stat is dear to read.
  std::optional<std::uint64_t> boot_time;
  /// Label sets not shown on their own, by metric name: socket_exporter_label_overflow_total.
  std::map<std::string_view, std::uint64_t> overflow;
  /// Events that were not counted, by eBPF program: socket_exporter_bpf_missed_events_total.
  std::map<std::string_view, std::uint64_t> missed_events;
};

}  // namespace socket_exporter
