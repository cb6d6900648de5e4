#include <map>
#include <string>
#include <tuple>

#include "collectors/base/bounded_table.h"
#include "collectors/base/utf8.h"
#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kInbound{Type::Gauge,
                          "socket_inbound_sockets",
                          "TCP sockets on a listening port, by state; listeners aside.",
                          "netns",
                          "port",
                          "state"};
constexpr Metric kQueueLength{
    Type::Gauge,
    "socket_listen_queue_length",
    "Connections that wait for accept(). The queue is full, and drops, when it is longer than its "
    "limit. Of listeners that share an address (SO_REUSEPORT) the fullest; comm is its process, "
    "found up to a minute ago where there are many descriptors: empty for a newer listener.",
    "netns",
    "address",
    "port",
    "comm"};
constexpr Metric kQueueLimit{
    Type::Gauge,
    "socket_listen_queue_limit",
    "The listener's backlog: listen()'s argument, at most net.core.somaxconn. comm as of "
    "socket_listen_queue_length.",
    "netns",
    "address",
    "port",
    "comm"};
constexpr MetricInfo kMetrics[] = {kInbound, kQueueLength, kQueueLimit};

// The states that a socket on a listening port goes through.
constexpr TcpState kStates[] = {TcpState::established, TcpState::syn_recv,  TcpState::new_syn_recv,
                                TcpState::fin_wait1,   TcpState::fin_wait2, TcpState::time_wait,
                                TcpState::close_wait,  TcpState::last_ack,  TcpState::closing};

struct ListenerKey {
  std::uint32_t netns;
  IpAddress address;
  std::uint16_t port;
  auto operator<=>(const ListenerKey&) const = default;
};

struct ListeningPort {
  std::uint32_t netns;
  std::uint16_t port;
  bool operator==(const ListeningPort&) const = default;
};

struct ListeningPortHash {
  std::size_t operator()(const ListeningPort& key) const {
    return hash_mix((std::uint64_t{key.netns} << 16U) | key.port);
  }
};

/// More than a host can listen on: it has a thousand namespaces, and sockets cost memory.
constexpr std::size_t kMaxPorts = 1'000'000;

using States = std::array<std::uint32_t, kTcpStates>;

struct Queue {
  std::uint32_t length = 0;
  std::uint32_t limit = 0;
  std::uint32_t inode = 0;

  std::int64_t room() const { return std::int64_t{limit} - length; }
};

class Listeners final : public Collector {
 public:
  // Listeners come first in a scan, so every port is known before its connections.
  void see(std::span<const Socket> sockets) override {
    for (const Socket& socket : sockets) {
      if (socket.protocol != Protocol::tcp) continue;
      if (socket.state == TcpState::listen) {
        see_listener(socket);
      } else if (socket.inbound) {
        if (States* const states = inbound_.find_or_add({socket.netns, socket.local_port})) {
          ++(*states)[static_cast<std::size_t>(socket.state)];
        }
      }
    }
  }

  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const auto& [key, states] : inbound_.entries()) {
      const std::string port = std::to_string(key.port);
      for (const TcpState state : kStates) {
        out.add(kInbound, states[static_cast<std::size_t>(state)], snapshot.name_of(key.netns),
                port, to_string(state));
      }
    }
    for (const auto& [key, queue] : queues_) {
      const auto netns = snapshot.name_of(key.netns);
      const std::string address = to_string(key.address);
      const std::string port = std::to_string(key.port);
      const std::string comm = comm_of(snapshot, queue);
      out.add(kQueueLength, queue.length, netns, address, port, comm);
      if (queue.limit != kQueueLimitUnknown) {
        out.add(kQueueLimit, queue.limit, netns, address, port, comm);
      }
    }
    return {};
  }

 private:
  static std::string comm_of(Snapshot& snapshot, const Queue& queue) {
    const auto& owners = snapshot.owners();
    const auto process = owners ? owners->owner_of(queue.inode) : std::nullopt;
    return process ? printable_label(owners->processes()[*process].comm) : "";
  }

  void see_listener(const Socket& socket) {
    inbound_.find_or_add({socket.netns, socket.local_port});
    const Queue queue{socket.receive_queue, socket.send_queue, socket.inode};
    const auto [known, is_new] =
        queues_.try_emplace({socket.netns, socket.local, socket.local_port}, queue);
    if (!is_new && queue.room() < known->second.room()) known->second = queue;
  }

  BoundedTable<ListeningPort, States, ListeningPortHash, kMaxPorts> inbound_;
  std::map<ListenerKey, Queue> queues_;
};

}  // namespace

extern const CollectorEntry kListenersEntry{
    .name = "listeners",
    .summary = "Sockets per listening port, and accept queues",
    .on_by_default = true,
    .needs_sockets = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Listeners); },
};

}  // namespace socket_exporter
