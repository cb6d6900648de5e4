#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kQueues{Type::Gauge, "node_udp_queues",
                         "Bytes that wait in the send and receive queues of all UDP sockets.",
                         "queue", "ip"};
constexpr MetricInfo kMetrics[] = {kQueues};

class UdpQueues final : public Collector {
 public:
  Result<> prepare(Snapshot& snapshot) override {
    host_ = snapshot.host().inode;
    return {};
  }

  void see(std::span<const Socket> sockets) override {
    for (const Socket& socket : sockets) {
      if (socket.protocol != Protocol::udp || socket.netns != host_) continue;
      Bytes& bytes = socket.family == Family::ipv4 ? v4_ : v6_;
      bytes.sent += socket.send_queue;
      bytes.received += socket.receive_queue;
    }
  }

  Result<> emit(Snapshot& /*snapshot*/, Families& out) override {
    out.add(kQueues, v4_.sent, "tx", "v4");
    out.add(kQueues, v4_.received, "rx", "v4");
    out.add(kQueues, v6_.sent, "tx", "v6");
    out.add(kQueues, v6_.received, "rx", "v6");
    return {};
  }

 private:
  struct Bytes {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
  };

  std::uint32_t host_ = 0;
  Bytes v4_;
  Bytes v6_;
};

}  // namespace

extern const CollectorEntry kUdpQueuesEntry{
    .name = "udp_queues",
    .summary = "Bytes queued in UDP sockets, as node_exporter",
    .on_by_default = true,
    .needs_sockets = true,
    .node_compat = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new UdpQueues); },
};

}  // namespace socket_exporter
