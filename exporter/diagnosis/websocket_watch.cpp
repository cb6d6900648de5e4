#include "exporter/diagnosis/websocket_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <thread>
#include <tuple>
#include <utility>

#include "collectors/websocket_ledger.h"
#include "exporter/diagnosis/process_name.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

/// Well beyond what a message or two of a client that keeps up leave in the queue.
constexpr std::uint32_t kFullQueue = 128 * 1024;

/// How long a process that has just begun to use OpenSSL is not followed, at most.
constexpr std::chrono::milliseconds kLook{500};

const NetNs* find(std::span<const NetNs> namespaces, const NetnsId& id) {
  const auto found = std::find_if(namespaces.begin(), namespaces.end(), [&](const NetNs& ns) {
    return ns.inode == id.inode && (ns.cookie == 0 || ns.cookie == id.cookie);
  });
  return found != namespaces.end() ? &*found : nullptr;
}

void add(WebsocketCounters& to, const WebsocketCounters& counters) {
  std::transform(to.begin(), to.end(), counters.begin(), to.begin(), std::plus<>());
}

// Of one namespace, pod and port there are several cgroups. Those with most connections first.
std::vector<SeenWebsockets> group(Kernel& kernel, std::span<const NetNs> namespaces,
                                  const std::vector<WebsocketRecord>& records) {
  std::map<std::tuple<std::uint32_t, std::string, std::uint16_t, bool>, WebsocketCounters> sums;
  for (const WebsocketRecord& record : records) {
    const NetNs* const ns = record.key.is_rest ? nullptr : find(namespaces, record.key.netns);
    if (ns == nullptr) continue;
    Workload workload = kernel.websocket_workload(record.key.cgroup);
    if (workload.empty()) workload = ns->workload;
    const WebsocketKey& key = record.key;
    add(sums[{ns->inode, to_string(workload), key.port, key.tls}], record.counters);
  }
  std::vector<SeenWebsockets> servers;
  for (const auto& [key, counters] : sums) {
    const auto& [inode, workload, port, tls] = key;
    const auto ns = std::find_if(namespaces.begin(), namespaces.end(),
                                 [&, wanted = inode](const NetNs& n) { return n.inode == wanted; });
    servers.push_back({printable(ns->name), inode, workload, port, tls, named(counters)});
  }
  std::stable_sort(servers.begin(), servers.end(), [](const auto& a, const auto& b) {
    return a.counts.opened + a.counts.adopted > b.counts.opened + b.counts.adopted;
  });
  return servers;
}

Result<> see_queues(Kernel& kernel, const Snapshot& snapshot, std::span<const NetNs> namespaces,
                    std::vector<SeenWebsockets>& servers) {
  const auto see = [&](std::span<const Socket> sockets) {
    for (const Socket& socket : sockets) {
      if (socket.state != TcpState::established || socket.send_queue < kFullQueue) continue;
      const auto server = std::find_if(servers.begin(), servers.end(), [&](const auto& s) {
        return socket.inbound && s.inode == socket.netns && s.port == socket.local_port;
      });
      if (server == servers.end()) continue;
      ++server->full;
      server->waiting += socket.send_queue;
    }
  };
  const auto scanned =
      kernel.scan_sockets(namespaces, Detail::connections, snapshot.deadline(), see);
  if (!scanned) return scanned.error();
  return {};
}

}  // namespace

std::uint64_t SeenWebsockets::closed_by(sx_websocket_reason reason) const {
  const auto& by = counts.closed[reason];
  return std::accumulate(std::begin(by), std::end(by), std::uint64_t{0});
}

std::uint64_t SeenWebsockets::closed() const {
  std::uint64_t all = 0;
  for (const auto& by : counts.closed) all = std::accumulate(std::begin(by), std::end(by), all);
  return all;
}

std::uint64_t SeenWebsockets::refused() const {
  const auto& errors = counts.errors;
  return std::accumulate(std::begin(errors), std::end(errors), std::uint64_t{0}) -
         errors[SX_NO_REQUEST];
}

std::string to_string(const SeenWebsockets& server) {
  const std::string& place = server.workload.empty() ? server.netns : server.workload;
  return fmt::format("port {}{} of {}", server.port, server.tls ? " (TLS)" : "", place);
}

Result<WebsocketWatch> watch_websockets(Kernel& kernel, Snapshot& snapshot,
                                        std::span<const NetNs> namespaces,
                                        std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  auto counts = kernel.websockets();
  for (auto now = end - time; counts && now < end; now = std::chrono::steady_clock::now()) {
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(end - now, kLook));
    counts = kernel.websockets();
  }
  if (!counts) return counts.error();
  WebsocketWatch watch;
  watch.time = time;
  watch.servers = group(kernel, namespaces, counts->records);
  if (const auto seen = see_queues(kernel, snapshot, namespaces, watch.servers); !seen) {
    return seen.error();
  }
  return watch;
}

}  // namespace socket_exporter
