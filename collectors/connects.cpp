#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "collectors/collector.h"

namespace socket_exporter {
namespace {

// The labels of one series of connections, with those of `extra` behind them.
template <typename... L>
constexpr auto by_connection(std::string_view name, std::string_view help, L... extra) {
  return Metric(Type::Counter, name, help, "netns", "namespace", "pod", "container", "comm",
                "destination", "destination_port", "peer_service", extra...);
}
constexpr auto by_destination(std::string_view name, std::string_view help) {
  return Metric(Type::Histogram, name, help, "destination", "destination_port", "peer_service");
}

constexpr auto kAttempts = by_connection(
    "socket_connect_attempts_total",
    "Outgoing TCP connections that processes began by connect(). comm is the process, its pod and "
    "container as far as they were known when it first was seen. Those with most attempts lately "
    "have a series each; the rest of a namespace, and what a series counted before it was shown, "
    "is destination=\"other\". A connect() that finds no route is no attempt.");
constexpr auto kFailures = by_connection(
    "socket_connect_failures_total",
    "Those attempts that failed. no_port: EADDRNOTAVAIL, since every local port has a connection "
    "to that destination already; aborted: the caller gave up; other: also that the port chosen "
    "by bind() has such a connection.",
    "reason");
constexpr auto kClosed = by_connection(
    "socket_connections_closed_total",
    "Those connections that were established and ended since, by what ended them. active: this "
    "side sent the first FIN; passive: the peer did; aborted: this side sent a reset.",
    "kind");
constexpr auto kTimeWait = by_connection(
    "socket_time_wait_created_total",
    "Those connections that left a local port in TIME_WAIT, unless tcp_max_tw_buckets was "
    "reached.");
constexpr auto kShortLived =
    by_connection("socket_connections_short_lived_total",
                  "Those closed connections that ended within a second of being established.");
constexpr Metric kOpeners{
    Type::Gauge,
    "socket_destination_opener_ratio",
    "Part of the connections opened to that destination in about the last minute that these "
    "processes opened; those of a destination add up to 1. For the destinations of "
    "socket_ephemeral_tuple_ports_used and socket_destination_sockets, whose TIME_WAIT has no "
    "process any more. The processes that open most have a series each; the rest is "
    "comm=\"other\".",
    "netns",
    "destination",
    "destination_port",
    "peer_service",
    "namespace",
    "pod",
    "container",
    "comm"};
constexpr auto kConnectDuration = by_destination(
    "socket_connect_duration_seconds",
    "Time from the first SYN until the connection is established. Destinations with most events "
    "lately have a series each; the rest is destination=\"other\".");
constexpr auto kLifetime = by_destination(
    "socket_connection_duration_seconds",
    "Time from being established until either side sends a FIN, or the connection breaks.");
constexpr auto kCloseWait = by_destination(
    "socket_close_wait_seconds",
    "Time from the peer's FIN until this side closes too. Sockets that are in CLOSE_WAIT still "
    "are not in it.");
constexpr auto kResponse = by_destination(
    "socket_response_seconds",
    "Time from the last byte of a request out until the first byte of the answer, as packets show "
    "it: data that comes once the peer has all that was sent, in TLS too, but for its handshake "
    "and alerts. So a banner is no answer, and requests that overlap, as in HTTP/2, are one. What "
    "comes soon after a TLS 1.3 handshake counts once it is clear that it was no session ticket: "
    "when this side sends again or closes, and the last of it then.");
constexpr Metric kSearches{Type::Histogram, "socket_port_search_seconds",
                           "Time that connect() looked for a local port. Where the feature "
                           "port_search_tracking is off, of searches in vain only.",
                           "netns"};
constexpr Metric kOlder{
    Type::Counter, "socket_connections_older_closed_total",
    "TCP connections of either direction that were there before the exporter and ended since; "
    "they count nowhere else."};
constexpr MetricInfo kMetrics[] = {kAttempts,   kFailures, kClosed,          kTimeWait,
                                   kShortLived, kOpeners,  kConnectDuration, kLifetime,
                                   kCloseWait,  kResponse, kSearches,        kOlder};

constexpr std::string_view kOther = "other";

/// A value of a label that a counter stands for.
struct Counted {
  sx_connect_counter counter;
  std::string_view name;
};
constexpr Counted kReasons[] = {
    {SX_FAILED_NO_PORT, "no_port"},
    {SX_FAILED_REFUSED, "refused"},
    {SX_FAILED_TIMEOUT, "timeout"},
    {SX_FAILED_RESET, "reset"},
    {SX_FAILED_UNREACHABLE, "unreachable"},
    {SX_FAILED_ABORTED, "aborted"},
    {SX_FAILED_OTHER, "other"},
};
constexpr Counted kKinds[] = {
    {SX_CLOSED_ACTIVE, "active"},   {SX_CLOSED_PASSIVE, "passive"}, {SX_CLOSED_RESET, "reset"},
    {SX_CLOSED_TIMEOUT, "timeout"}, {SX_CLOSED_ABORTED, "aborted"},
};

/// Edges of a histogram: 2^first microseconds, 2^(first + step) and so on.
struct Edges {
  int first;
  int step;
  int last;
};
constexpr Edges kToAMinute{6, 1, 26};
constexpr Edges kToAnHour{6, 2, 32};
constexpr Edges kToASecond{6, 1, 20};
static_assert(kToAMinute.first == SX_FIRST_BUCKET);
static_assert(kToAnHour.last == SX_FIRST_BUCKET + SX_BUCKETS - 2);

Histogram histogram_of(const TimeCounters& times, const Edges& edges) {
  Histogram histogram;
  for (int power = edges.first; power <= edges.last; power += edges.step) {
    histogram.bounds.push_back(std::ldexp(1e-6, power));
  }
  histogram.counts.resize(histogram.bounds.size() + 1);
  for (int bucket = 0; bucket < SX_BUCKETS; ++bucket) {
    const int above_first = std::max(0, bucket + SX_FIRST_BUCKET - edges.first);
    const auto place = static_cast<std::size_t>((above_first + edges.step - 1) / edges.step);
    histogram.counts[std::min(place, histogram.bounds.size())] +=
        times[1 + static_cast<std::size_t>(bucket)];
  }
  histogram.sum = static_cast<double>(times.front()) / 1e9;
  return histogram;
}

template <typename Counters>
bool has_any(const Counters& counters) {
  return counters != Counters{};
}

/// Label values of one series.
struct Names {
  std::string_view netns{};
  std::string_view pod_namespace{};
  std::string_view pod{};
  std::string_view container{};
  std::string_view comm{};
  std::string_view destination = kOther;
  std::string_view port{};
  std::string_view service{};
};

void emit_series(Families& out, const Names& n, const ConnectCounters& counters) {
  const auto emit = [&](const auto& metric, sx_connect_counter counter, auto... extra) {
    out.add(metric, counters[counter], n.netns, n.pod_namespace, n.pod, n.container, n.comm,
            n.destination, n.port, n.service, extra...);
  };
  emit(kAttempts, SX_ATTEMPTS);
  for (const Counted& reason : kReasons) emit(kFailures, reason.counter, reason.name);
  for (const Counted& kind : kKinds) emit(kClosed, kind.counter, kind.name);
  emit(kTimeWait, SX_TIME_WAIT);
  emit(kShortLived, SX_SHORT_LIVED);
}

// What did not happen yet is left out, but for the rest.
void emit_times(Families& out, const Names& n, const DestinationTimes& times, bool has_responses) {
  const auto emit = [&](const auto& metric, sx_connect_time time, const Edges& edges) {
    const TimeCounters part = part_of(times, time);
    if (n.destination != kOther && !has_any(part)) return;
    out.add(metric, histogram_of(part, edges), n.destination, n.port, n.service);
  };
  emit(kConnectDuration, SX_CONNECTING, kToAMinute);
  emit(kLifetime, SX_ESTABLISHED, kToAnHour);
  emit(kCloseWait, SX_CLOSE_WAIT, kToAnHour);
  if (has_responses) emit(kResponse, SX_RESPONSE, kToAMinute);
}

class Connects final : public Collector {
 public:
  // So that all collectors know who opens connections. Where these are not followed,
  // socket_exporter_feature_info says why.
  Result<> prepare(Snapshot& snapshot) override {
    const auto counts = snapshot.connects();
    if (!counts && counts.error().kind == Error::Kind::unavailable) return {};
    if (!counts) return counts.error();
    ConnectLedger& ledger = snapshot.history().connects;
    ledger.read(
        *counts, snapshot.scanned_namespaces(),
        [&](std::uint32_t pid, std::uint64_t cgroup) {
          return snapshot.connect_workload(pid, cgroup);
        },
        snapshot.started());
    ledger.forget(snapshot.forget_connects(ledger.idle()));
    left_out_ = ledger.choose(snapshot.options().top_connects);
    events_ = {counts->older_closed, counts->missed, counts->missed_searches,
               counts->has_responses};
    return {};
  }

  Result<> emit(Snapshot& snapshot, Families& out) override {
    if (!events_) return {};
    ConnectLedger& ledger = snapshot.history().connects;
    snapshot.history().overflow[kAttempts.name] += left_out_.series;
    snapshot.history().overflow[kConnectDuration.name] += left_out_.destinations;

    emit_connects(snapshot, ledger, out);
    emit_openers(snapshot, ledger.openers(), out);
    emit_destinations(snapshot, ledger, events_->has_responses, out);
    for (const auto& [netns, times] : ledger.searches().series()) {
      out.add(kSearches, histogram_of(times, kToASecond), snapshot.name_of(netns.inode));
    }
    const TimeCounters hidden = ledger.searches().rest_of(NetnsId{});
    if (has_any(hidden)) out.add(kSearches, histogram_of(hidden, kToASecond), kOther);
    out.add(kOlder, events_->older_closed);
    auto& missed = snapshot.history().missed_events;
    missed["connects"] = events_->missed;
    if (events_->missed_searches) missed["searches"] = *events_->missed_searches;
    return {};
  }

 private:
  struct Events {
    std::uint64_t older_closed = 0;
    std::uint64_t missed = 0;
    std::optional<std::uint64_t> missed_searches{};
    bool has_responses = false;
  };

  static void emit_connects(const Snapshot& snapshot, const ConnectLedger& ledger, Families& out) {
    for (const auto& [labels, counters] : ledger.connects().series()) {
      const auto& [address, port] = labels.destination;
      const std::string address_text = to_string(address);
      const std::string port_text = std::to_string(port);
      emit_series(
          out,
          {snapshot.name_of(labels.netns.inode), labels.pod_namespace, labels.pod, labels.container,
           labels.comm, address_text, port_text, snapshot.services().name_of(address, port)},
          counters);
    }
    for (const NetNs& ns : snapshot.namespaces()) {
      if (ns.is_other()) continue;
      const ConnectCounters rest = ledger.connects().rest_of(NetnsPlaces::slot_of(ns));
      if (snapshot.is_host(ns) || has_any(rest)) emit_series(out, {ns.name}, rest);
    }
    const ConnectCounters hidden = ledger.connects().rest_of(NetnsId{});
    if (has_any(hidden)) emit_series(out, {kOther}, hidden);
  }

  static void emit_openers(const Snapshot& snapshot, OpenerLedger& openers, Families& out) {
    for (const DestinationKey& key : snapshot.wanted()) {
      const std::string address = to_string(key.address);
      const std::string port = std::to_string(key.port);
      for (const auto& [opener, ratio] : openers.shares(key, snapshot.started())) {
        out.add(kOpeners, ratio, snapshot.name_of(key.netns), address, port,
                snapshot.services().name_of(key.address, key.port), opener.pod_namespace,
                opener.pod, opener.container, opener.comm);
      }
    }
  }

  // Where responses are not timed, socket_exporter_feature_info says why.
  static void emit_destinations(const Snapshot& snapshot, const ConnectLedger& ledger,
                                bool has_responses, Families& out) {
    for (const auto& [destination, times] : ledger.times().series()) {
      const auto& [address, port] = destination;
      const std::string address_text = to_string(address);
      const std::string port_text = std::to_string(port);
      emit_times(out,
                 {.destination = address_text,
                  .port = port_text,
                  .service = snapshot.services().name_of(address, port)},
                 times, has_responses);
    }
    emit_times(out, {}, ledger.times().rest_of({}), has_responses);
  }

  ConnectLedger::LeftOut left_out_;
  std::optional<Events> events_;  ///< nothing where connections are not followed
};

}  // namespace

extern const CollectorEntry kConnectsEntry{
    .name = "connects",
    .summary = "Outgoing TCP connections: attempts, failures, closes and times, by eBPF",
    .on_by_default = true,
    .needs_sockets = false,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Connects); },
};

}  // namespace socket_exporter
