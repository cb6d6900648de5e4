#include "collectors/websocket_series.h"

#include <algorithm>
#include <set>
#include <utility>

namespace socket_exporter {
namespace {

constexpr std::string_view kOther = "other";
constexpr std::size_t kMostShown = 100;

// Which end of its connections is on this host, where the kernel may have followed either: those
// of a namespace with a listener are its server's.
std::optional<bool> is_client(const WebsocketPorts& ports, const WebsocketKey& key,
                              const WebsocketSockets& sockets) {
  const auto is_in = [&](const std::vector<std::uint16_t>& all) {
    return std::find(all.begin(), all.end(), key.port) != all.end();
  };
  if (!is_in(ports.client)) return false;
  if (!ports.learns && !is_in(ports.server)) return true;
  const auto seen = sockets.at(key.netns.inode, key.port);
  return seen ? std::optional(!seen->has_listener) : std::nullopt;
}

// Where a namespace is both, the ends of both count at its server.
std::optional<std::uint64_t> sockets_of(const Snapshot& snapshot, const WebsocketLabels& labels,
                                        const WebsocketSockets& sockets) {
  const auto& shown = snapshot.namespaces();
  const bool is_known = std::any_of(
      shown.begin(), shown.end(), [&](const NetNs& ns) { return ns.inode == labels.netns.inode; });
  const auto seen = sockets.at(labels.netns.inode, labels.port);
  if (!is_known || !seen) return {};
  return labels.is_client ? seen->clients : seen->servers + seen->clients;
}

std::optional<std::uint64_t> limit_of(const WebsocketSettings& asked,
                                      const WebsocketLabels& labels) {
  return labels.is_client ? std::nullopt : websocket_limit(asked, labels.port);
}

void add_shown(const Snapshot& snapshot, const WebsocketLedger& ledger,
               std::vector<WebsocketSeries>& all) {
  const WebsocketSettings& asked = snapshot.options().websocket;
  for (const auto& [labels, counters] : ledger.websockets().series()) {
    if (!asked.ports.has(labels.port) || (labels.tls && !asked.ports.tls)) continue;
    all.push_back({std::string(snapshot.name_of(labels.netns.inode)), labels.pod_namespace,
                   labels.pod, std::to_string(labels.port), labels.tls, labels.is_client,
                   ledger.active(labels), limit_of(asked, labels), named(counters)});
  }
}

// Of the host: a port that has no connection yet is zero, not missing.
void add_unseen(const Snapshot& snapshot, const WebsocketLedger& ledger,
                std::vector<WebsocketSeries>& all) {
  const WebsocketSettings& asked = snapshot.options().websocket;
  std::set<WebsocketLabels> unseen;
  for (const bool is_client : {false, true}) {
    for (const std::uint16_t port : is_client ? asked.ports.client : asked.ports.server) {
      unseen.insert({{}, "", "", port, false, is_client});
      if (asked.ports.tls) unseen.insert({{}, "", "", port, true, is_client});
    }
  }
  for (const auto& [labels, counters] : ledger.websockets().series()) {
    if (labels.netns.inode == snapshot.host().inode && labels.pod.empty()) {
      unseen.erase({{}, "", "", labels.port, labels.tls, labels.is_client});
    }
  }
  for (const WebsocketLabels& labels : unseen) {
    all.push_back({snapshot.host().name,
                   "",
                   "",
                   std::to_string(labels.port),
                   labels.tls,
                   labels.is_client,
                   0,
                   limit_of(asked, labels),
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
        {std::string(netns), "", "", std::string(kOther), false, false, active, {}, named(rest)});
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

Result<WebsocketReading> read_websockets(Snapshot& snapshot, const WebsocketSockets& sockets) {
  auto counts = snapshot.websockets();
  if (!counts) return counts.error();
  WebsocketLedger& ledger = snapshot.history().websockets;
  const WebsocketLedger::Oracle oracle{
      [&](std::uint64_t cgroup) { return snapshot.websocket_workload(cgroup); },
      [&](const WebsocketKey& key) {
        return is_client(snapshot.options().websocket.ports, key, sockets);
      },
      [&](const WebsocketLabels& labels) { return sockets_of(snapshot, labels, sockets); }};
  ledger.read(counts->records, snapshot.scanned_namespaces(), oracle, snapshot.started());
  ledger.forget(snapshot.forget_websockets(ledger.idle(oracle)));

  WebsocketReading reading;
  reading.left_out = ledger.choose(kMostShown, oracle);
  add_shown(snapshot, ledger, reading.series);
  add_unseen(snapshot, ledger, reading.series);
  add_rest(snapshot, ledger, reading.series);
  reading.counts = std::move(*counts);
  return reading;
}

}  // namespace socket_exporter
