#include "collectors/websocket_series.h"

#include <set>
#include <utility>

namespace socket_exporter {
namespace {

constexpr std::string_view kOther = "other";
constexpr std::size_t kMostShown = 100;

void add_shown(const Snapshot& snapshot, const WebsocketLedger& ledger,
               std::vector<WebsocketSeries>& all) {
  const WebsocketSettings& asked = snapshot.options().websocket;
  for (const auto& [labels, counters] : ledger.websockets().series()) {
    if (!asked.ports.has(labels.port) || (labels.tls && !asked.ports.tls)) continue;
    all.push_back({std::string(snapshot.name_of(labels.netns.inode)), labels.pod_namespace,
                   labels.pod, std::to_string(labels.port), labels.tls, ledger.active(labels),
                   websocket_limit(asked, labels.port), named(counters)});
  }
}

// Of the host: a port that has no connection yet is zero, not missing.
void add_unseen(const Snapshot& snapshot, const WebsocketLedger& ledger,
                std::vector<WebsocketSeries>& all) {
  const WebsocketSettings& asked = snapshot.options().websocket;
  std::set<std::pair<std::uint16_t, bool>> unseen;
  for (const auto* ports : {&asked.ports.server, &asked.ports.client}) {
    for (const std::uint16_t port : *ports) {
      unseen.emplace(port, false);
      if (asked.ports.tls) unseen.emplace(port, true);
    }
  }
  for (const auto& [labels, counters] : ledger.websockets().series()) {
    if (labels.netns.inode == snapshot.host().inode && labels.pod.empty()) {
      unseen.erase({labels.port, labels.tls});
    }
  }
  for (const auto& [port, tls] : unseen) {
    all.push_back({snapshot.host().name,
                   "",
                   "",
                   std::to_string(port),
                   tls,
                   0,
                   websocket_limit(asked, port),
                   {}});
  }
}

void add_rest(const Snapshot& snapshot, const WebsocketLedger& ledger,
              std::vector<WebsocketSeries>& all) {
  const auto add = [&](std::string_view netns, const NetnsId& slot) {
    const auto rest = ledger.websockets().rest_of(slot);
    const std::int64_t active = ledger.active_of_rest(slot);
    if (rest == WebsocketCounters{} && active == 0) return;
    all.push_back(
        {std::string(netns), "", "", std::string(kOther), false, active, {}, named(rest)});
  };
  for (const NetNs& ns : snapshot.namespaces()) {
    if (!ns.is_other()) add(ns.name, NetnsPlaces::slot_of(ns));
  }
  add(kOther, NetnsId{});
}

}  // namespace

std::optional<std::uint64_t> websocket_limit(const WebsocketSettings& asked, std::uint16_t port) {
  const auto found = asked.limits.find(port);
  return found != asked.limits.end() ? std::optional(found->second) : std::nullopt;
}

Result<WebsocketReading> read_websockets(Snapshot& snapshot) {
  auto counts = snapshot.websockets();
  if (!counts) return counts.error();
  WebsocketLedger& ledger = snapshot.history().websockets;
  ledger.read(
      counts->records, snapshot.scanned_namespaces(),
      [&](std::uint64_t cgroup) { return snapshot.websocket_workload(cgroup); },
      snapshot.started());
  ledger.forget(snapshot.forget_websockets(ledger.idle()));

  WebsocketReading reading;
  reading.left_out = ledger.choose(kMostShown);
  add_shown(snapshot, ledger, reading.series);
  add_unseen(snapshot, ledger, reading.series);
  add_rest(snapshot, ledger, reading.series);
  reading.counts = std::move(*counts);
  return reading;
}

}  // namespace socket_exporter
