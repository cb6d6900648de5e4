#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "collectors/collector.h"
#include "collectors/websocket_names.h"
#include "collectors/websocket_series.h"

namespace socket_exporter {
namespace {

// The labels of one series of connections, with those of `extra` behind them.
template <typename... L>
constexpr auto by_port(Type type, std::string_view name, std::string_view help, L... extra) {
  return Metric(type, name, help, "netns", "namespace", "pod", "port", extra...);
}

// The same of connections inside of TLS, or of clients. All others are what they were before those
// were told apart.
template <std::size_t N, std::size_t... I, typename... L>
constexpr auto with(const Metric<N>& metric, std::index_sequence<I...> /*labels*/, L... more) {
  return Metric(metric.type, metric.name, metric.help, metric.labels[I]..., more...);
}

constexpr auto kActive = by_port(
    Type::Gauge, "websocket_connections_active",
    "WebSocket connections that are open; without the feature websocket_tracking all connections "
    "of the port. port is the server's, whichever end is on this host. The busiest have a series "
    "each; the rest of a namespace is port=\"other\". In all websocket_* metrics by port, clients "
    "on "
    "this host have a label more, role=\"client\", and what is inside of TLS, tls=\"true\".");
constexpr auto kLimit = by_port(Type::Gauge, "websocket_connections_limit",
                                "WebSocket connections that a server at this port takes, by the "
                                "configuration: websocket.limits.");
constexpr auto kConnections =
    by_port(Type::Counter, "websocket_connections_total",
            "WebSocket connections that were opened by a handshake, since the exporter's start.");
constexpr auto kDisconnections = by_port(
    Type::Counter, "websocket_disconnections_total",
    "WebSocket connections that ended, by the code of the first close frame and who sent it. "
    "Without one: abnormal_fin, a FIN; abnormal_reset, a reset by the peer; abnormal_timeout, the "
    "peer was not heard of any more; abnormal_local, a reset by the end on this host. unknown: any "
    "connection of the port, where the feature websocket_tracking is off.",
    "reason", "initiator");
constexpr auto kErrors = by_port(
    Type::Counter, "websocket_connection_errors_total",
    "WebSocket handshakes that failed. http_4xx, http_5xx, http_other: by the response; "
    "incomplete: the connection ended before a response was there; no_request: it ended before the "
    "client had asked for a WebSocket or for anything else; refused: connect() was refused, where "
    "the client is on this host.",
    "error_type");
constexpr auto kLatency = by_port(
    Type::Histogram, "websocket_message_latency_seconds",
    "Times to an answer where this host's end sees them. ping: from a ping to the next pong; "
    "request: from a message of the client to the next of the server.",
    "kind");
constexpr auto kMessages = by_port(
    Type::Counter, "websocket_messages_total",
    "WebSocket messages whose last byte was seen; one in fragments counts once. in is from the "
    "client to the server.",
    "direction", "opcode");
constexpr auto kBytes = by_port(Type::Counter, "websocket_message_bytes_total",
                                "Payload of those text and binary messages, as it was sent: "
                                "compressed where that was agreed on.",
                                "direction");
constexpr auto kDuration = by_port(Type::Histogram, "websocket_connection_duration_seconds",
                                   "Time from the handshake until the connection ended.");
constexpr auto kIdle = by_port(
    Type::Histogram, "websocket_idle_before_close_seconds",
    "Silence before a WebSocket connection was closed: time since the last data that was no close "
    "frame. Many at one value are the idle timeout of a proxy.");
constexpr Metric kAdopted{
    Type::Counter, "websocket_tracker_adopted_total",
    "Connections that were open before the exporter saw them; not in websocket_connections_total."};
constexpr Metric kDesync{
    Type::Counter, "websocket_tracker_desync_total",
    "Directions of connections that were no WebSocket frames any more, or that a part was missed "
    "of; their messages do not count until the next resync."};
constexpr Metric kResync{Type::Counter, "websocket_tracker_resync_total",
                         "Those of them whose frames could be followed again."};
constexpr Metric kRepaired{Type::Counter, "websocket_tracker_repaired_total",
                           "Segments that came out of order and were put in their place."};
constexpr Metric kPoolExhausted{
    Type::Counter, "websocket_tracker_pool_exhausted_total",
    "Segments out of order that there was no memory for: 4 MiB in all, 256 parts a connection. A "
    "connection with such segments takes 4.1 KiB besides."};
constexpr Metric kPortsRefused{
    Type::Counter, "websocket_tracker_ports_refused_total",
    "Handshakes at ports that websocket.auto had no room to learn, beside 64 that are in use. "
    "Their "
    "connections count, but handshakes that fail at these ports do not."};
constexpr Metric kMissed{
    Type::Counter, "websocket_tracker_missed_total",
    "Events that were lost: one came during another, or there was no memory for a connection."};
constexpr MetricInfo kMetrics[] = {
    kActive,   kLimit,    kConnections,   kDisconnections, kErrors,  kLatency,
    kMessages, kBytes,    kDuration,      kIdle,           kAdopted, kDesync,
    kResync,   kRepaired, kPoolExhausted, kPortsRefused,   kMissed};

constexpr std::string_view kClient = "client";
constexpr std::string_view kOtherPorts = "other";

Histogram histogram_of(const sx_histogram& times) {
  Histogram histogram;
  for (int bucket = 0; bucket < SX_BUCKETS - 1; ++bucket) {
    histogram.bounds.push_back(std::ldexp(1e-6, SX_FIRST_BUCKET + bucket));
  }
  histogram.counts.assign(std::begin(times.buckets), std::end(times.buckets));
  histogram.sum = static_cast<double>(times.nanoseconds) / 1e9;
  return histogram;
}

Histogram histogram_of(const sx_lifetimes& times) {
  Histogram histogram;
  for (const std::uint32_t edge : kLifetimeEdges) histogram.bounds.push_back(edge / 1e3);
  histogram.counts.assign(std::begin(times.buckets), std::end(times.buckets));
  histogram.sum = static_cast<double>(times.milliseconds) / 1e3;
  return histogram;
}

// Whether they are a pair; at "other" there are both ends.
bool may_close(const WebsocketSeries& s, std::size_t reason, std::size_t by) {
  const bool is_here = (by == SX_BY_CLIENT) == s.is_client;
  if (by == SX_BY_NONE || reason == SX_ABNORMAL_TIMEOUT) {
    return by == SX_BY_NONE && reason == SX_ABNORMAL_TIMEOUT;
  }
  if (reason == SX_ABNORMAL_RESET) return !is_here || s.port == kOtherPorts;
  if (reason == SX_ABNORMAL_LOCAL) return is_here || s.port == kOtherPorts;
  return true;
}

// A client's end has the label `role`, what is inside of TLS has `tls`.
template <typename MetricOf, typename Value, typename... Labels>
void add_end(Families& out, bool is_client, bool tls, const MetricOf& metric, const Value& value,
             const Labels&... labels) {
  constexpr auto kLabels = std::make_index_sequence<sizeof...(labels)>();
  if (is_client && tls) {
    out.add(with(metric, kLabels, "role", "tls"), value, labels..., kClient, "true");
  } else if (is_client) {
    out.add(with(metric, kLabels, "role"), value, labels..., kClient);
  } else if (tls) {
    out.add(with(metric, kLabels, "tls"), value, labels..., "true");
  } else {
    out.add(metric, value, labels...);
  }
}

void emit_series(Families& out, const WebsocketSeries& s) {
  const auto emit = [&](const auto& metric, const auto& value, auto... extra) {
    add_end(out, s.is_client, s.tls, metric, value, s.netns, s.pod_namespace, s.pod, s.port,
            extra...);
  };
  emit(kActive, s.active);
  if (s.limit) emit(kLimit, *s.limit);
  emit(kConnections, s.counts.opened);
  for (std::size_t reason = 0; reason < SX_CLOSE_REASONS; ++reason) {
    for (std::size_t by = 0; by < SX_INITIATORS; ++by) {
      const std::uint64_t closed = s.counts.closed[reason][by];
      if (closed == 0 && !may_close(s, reason, by)) continue;
      emit(kDisconnections, closed, kCloseReasons[reason], kInitiators[by]);
    }
  }
  for (std::size_t error = 0; error < SX_HANDSHAKE_ERRORS; ++error) {
    emit(kErrors, s.counts.errors[error], kHandshakeErrors[error]);
  }
  for (std::size_t kind = 0; kind < SX_WEBSOCKET_LATENCIES; ++kind) {
    emit(kLatency, histogram_of(s.counts.latencies[kind]), kLatencies[kind]);
  }
  for (std::size_t direction = 0; direction < SX_DIRECTIONS; ++direction) {
    for (std::size_t kind = 0; kind < SX_MESSAGE_KINDS; ++kind) {
      emit(kMessages, s.counts.messages[direction][kind], kDirections[direction], kOpcodes[kind]);
    }
    emit(kBytes, s.counts.bytes[direction], kDirections[direction]);
  }
  emit(kDuration, histogram_of(s.counts.duration));
  emit(kIdle, histogram_of(s.counts.silence));
}

/// Connections that were counted by a scan: netns, port of the server, whether its client is here.
using Scanned = std::tuple<std::uint64_t, std::uint16_t, bool>;

class Websockets final : public Collector {
 public:
  Result<> prepare(Snapshot& snapshot) override {
    asked_ = &snapshot.options().websocket.ports;
    auto ends = snapshot.websocket_ends();
    if (!ends && ends.error().kind != Error::Kind::unavailable) return ends.error();
    if (ends) ends_ = std::move(*ends);
    sockets_.look_at(*asked_);
    for (const auto& [labels, counters] : snapshot.history().websockets.websockets().series()) {
      sockets_.look_at(labels.port);
    }
    return {};
  }

  void see(std::span<const Socket> sockets) override {
    if (!ends_) return sockets_.see(sockets);
    for (const Socket& socket : sockets) {
      if (socket.protocol != Protocol::tcp || socket.state != TcpState::established) continue;
      const auto& ports = socket.inbound ? asked_->server : asked_->client;
      const std::uint16_t port = socket.inbound ? socket.local_port : socket.remote_port;
      if (std::find(ports.begin(), ports.end(), port) == ports.end()) continue;
      ++scanned_[{socket.netns, port, !socket.inbound}];
    }
  }

  // Where WebSockets are not followed, socket_exporter_feature_info says why.
  Result<> emit(Snapshot& snapshot, Families& out) override {
    const auto reading = read_websockets(snapshot, sockets_);
    if (!reading && reading.error().kind != Error::Kind::unavailable) return reading.error();
    if (!reading) {
      if (ends_) emit_scanned(snapshot, out);
      return {};
    }
    snapshot.history().overflow[kConnections.name] += reading->left_out;
    for (const WebsocketSeries& series : reading->series) emit_series(out, series);
    const WebsocketCounts& counts = reading->counts;
    out.add(kAdopted, counts.adopted);
    out.add(kDesync, counts.desynced);
    out.add(kResync, counts.resynced);
    out.add(kRepaired, counts.repaired);
    out.add(kPoolExhausted, counts.pool_exhausted);
    out.add(kPortsRefused, counts.ports_refused);
    out.add(kMissed, counts.missed);
    return {};
  }

 private:
  // Ends are known of the host's namespace only.
  void emit_scanned(const Snapshot& snapshot, Families& out) {
    const WebsocketSettings& asked = snapshot.options().websocket;
    for (const bool is_client : {false, true}) {
      for (const std::uint16_t port : is_client ? asked.ports.client : asked.ports.server) {
        scanned_[{snapshot.host().inode, port, is_client}];
      }
    }
    for (const NetNs& ns : snapshot.namespaces()) {
      const auto end = scanned_.lower_bound({std::uint64_t{ns.inode} + 1, 0, false});
      for (auto one = scanned_.lower_bound({ns.inode, 0, false}); one != end; ++one) {
        emit_port(snapshot, out, ns, one->first, one->second);
      }
    }
    out.add(kMissed, ends_->missed);
  }

  // What ended is known by the port only.
  void emit_port(const Snapshot& snapshot, Families& out, const NetNs& ns, const Scanned& scanned,
                 std::uint64_t open) {
    const std::uint16_t port = std::get<1>(scanned);
    const bool is_client = std::get<2>(scanned);
    const auto& servers = asked_->server;
    const bool is_servers = std::find(servers.begin(), servers.end(), port) != servers.end();
    const std::string name = std::to_string(port);
    const auto emit = [&](const auto& metric, auto value, auto... extra) {
      add_end(out, is_client, false, metric, value, ns.name, ns.workload.pod_namespace,
              ns.workload.pod, name, extra...);
    };
    emit(kActive, open);
    const auto limit = websocket_limit(snapshot.options().websocket, port);
    if (limit && !is_client) emit(kLimit, *limit);
    if (snapshot.is_host(ns) && !(is_client && is_servers)) {
      emit(kDisconnections, ends_->ended[port], "unknown", "none");
    }
  }

  const WebsocketPorts* asked_ = nullptr;
  WebsocketSockets sockets_;           ///< where they are followed
  std::optional<WebsocketEnds> ends_;  ///< where they are not followed
  std::map<Scanned, std::uint64_t> scanned_;
};

}  // namespace

extern const CollectorEntry kWebsocketsEntry{
    .name = "websockets",
    .summary = "WebSocket connections: messages, disconnect reasons and latency, by eBPF",
    .on_by_default = true,
    .needs_sockets = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Websockets); },
};

}  // namespace socket_exporter
