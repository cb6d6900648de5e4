#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "collectors/field_filter.h"
#include "collectors/kernel/websocket_counts.h"

namespace socket_exporter {

/// node_exporter's default fields, and those that the alerts of this project use.
inline constexpr const char* kDefaultNetstatFields =
    "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|"
    "Icmp6?_(InMsgs|OutMsgs)|"
    "TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|"
    "Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|"
    "Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors)|"
    "TcpExt_(TW.*|PAWS.*|TCPAbort.*|TCPTimeWaitOverflow|TCPMemoryPressures|TCPReqQFull.*)|"
    "Tcp_(AttemptFails|EstabResets))$";

/// What the configuration says of WebSockets.
struct WebsocketSettings {
  WebsocketPorts ports{};
  std::map<std::uint16_t, std::uint64_t> limits{};  ///< connections that a server takes, by port
};

/// What the operator chose for all collectors; constant from start to stop, but for `websocket`.
struct CollectorOptions {
  FieldFilter netstat_fields;
  bool process_metrics = true;        ///< process_*, which --web.disable-exporter-metrics drops
  std::size_t max_namespaces = 1000;  ///< shown; the sockets of the rest are those of `other`
  std::size_t top_tuples = 20;        ///< largest (source, destination, port) tuples shown
  std::size_t top_destinations = 50;  ///< destinations shown; the rest is `other`
  std::size_t top_connects = 100;     ///< series, and destinations, of the connect path
  std::size_t top_processes = 30;     ///< groups of processes shown; the rest is `other`
  WebsocketSettings websocket{};      ///< as last loaded
};

}  // namespace socket_exporter
