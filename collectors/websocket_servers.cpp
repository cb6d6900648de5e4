#include <bitset>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "collectors/base/utf8.h"
#include "collectors/collector.h"
#include "collectors/kernel/units.h"

namespace socket_exporter {
namespace {

constexpr Metric kCpu{
    Type::Counter,
    "websocket_server_cpu_seconds_total",
    "CPU time of the processes that listen at a WebSocket port, user and system; those with the "
    "same labels are one series, which keeps what they spent when one of them ends. Processes are "
    "found up to a minute late where there are many descriptors.",
    "netns",
    "namespace",
    "pod",
    "port",
    "comm"};
constexpr Metric kResident{Type::Gauge,
                           "websocket_server_resident_memory_bytes",
                           "Memory of those processes that is in RAM; what they share counts in "
                           "each.",
                           "netns",
                           "namespace",
                           "pod",
                           "port",
                           "comm"};
constexpr MetricInfo kMetrics[] = {kCpu, kResident};

/// Names of processes beyond so many series are comm="other".
constexpr std::size_t kMostSeries = 300;

struct Listener {
  std::uint32_t netns;
  std::uint32_t inode;
  std::uint16_t port;
  auto operator<=>(const Listener&) const = default;
};

class WebsocketServers final : public Collector {
 public:
  // Ports that handshakes told are known from the scrapes before.
  Result<> prepare(Snapshot& snapshot) override {
    for (const std::uint16_t port : snapshot.options().websocket.ports.server) ports_.set(port);
    if (!snapshot.options().websocket.ports.learns) return {};
    for (const auto& [labels, counters] : snapshot.history().websockets.websockets().series()) {
      ports_.set(labels.port);
    }
    return {};
  }

  void see(std::span<const Socket> sockets) override {
    for (const Socket& socket : sockets) {
      if (socket.state != TcpState::listen || socket.protocol != Protocol::tcp) continue;
      if (!ports_[socket.local_port] || socket.netns == kOtherNetns) continue;
      listeners_.insert({socket.netns, socket.inode, socket.local_port});
    }
  }

  Result<> emit(Snapshot& snapshot, Families& out) override {
    CpuLedger& ledger = snapshot.history().websocket_servers;
    if (!listeners_.empty()) {
      const auto& owners = snapshot.owners();
      if (!owners) return owners.error();
      for (const Listener& listener : listeners_) read_owners(snapshot, *owners, listener);
    }
    ledger.forget_old(snapshot.started());
    for (const auto& [server, pages] : pages_) {
      const std::string port = std::to_string(server.port);
      const auto ticks = static_cast<double>(ledger.ticks(server));
      out.add(kCpu, ticks / static_cast<double>(ticks_per_second()), server.netns,
              server.pod_namespace, server.pod, port, server.comm);
      out.add(kResident, static_cast<double>(pages) * static_cast<double>(page_size()),
              server.netns, server.pod_namespace, server.pod, port, server.comm);
    }
    return {};
  }

 private:
  void read_owners(Snapshot& snapshot, const Owners& owners, const Listener& listener) {
    for (const std::size_t index : owners.holders_of(listener.inode)) {
      const Process& process = owners.processes()[index];
      WebsocketServer server = name(snapshot, process, listener);
      // One that holds several listeners of a port counts once.
      if (!counted_.emplace(server, process.pid).second) continue;
      const auto stat = snapshot.process_stat(process.pid);
      if (!stat) continue;  // it has ended
      CpuLedger& ledger = snapshot.history().websocket_servers;
      if (!ledger.knows(server) && ledger.size() >= kMostSeries) server.comm = "other";
      ledger.add(server, process.pid, *stat, snapshot.started());
      pages_[server] += stat->resident_pages;
    }
  }

  static WebsocketServer name(const Snapshot& snapshot, const Process& process,
                              const Listener& listener) {
    WebsocketServer server;
    server.netns = snapshot.name_of(listener.netns);
    server.port = listener.port;
    server.comm = printable_label(process.comm);
    Workload workload = process.workload;
    for (const NetNs& ns : snapshot.namespaces()) {
      if (workload.empty() && ns.inode == listener.netns) workload = ns.workload;
    }
    server.pod_namespace = workload.pod_namespace;
    server.pod = workload.pod;
    return server;
  }

  std::bitset<65536> ports_;
  std::set<Listener> listeners_;
  std::set<std::pair<WebsocketServer, std::uint32_t>> counted_;  ///< by pid
  std::map<WebsocketServer, std::uint64_t> pages_;
};

}  // namespace

extern const CollectorEntry kWebsocketServersEntry{
    .name = "websocket_servers",
    .summary = "CPU time and memory of the processes behind WebSocket ports",
    .on_by_default = true,
    .needs_sockets = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new WebsocketServers); },
};

}  // namespace socket_exporter
