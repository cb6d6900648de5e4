#include <map>

#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kSockets{Type::Gauge, "socket_udp_sockets", "UDP sockets.", "netns", "family"};
constexpr MetricInfo kMetrics[] = {kSockets};

class UdpSockets final : public Collector {
 public:
  void see(std::span<const Socket> sockets) override {
    for (const Socket& socket : sockets) {
      if (socket.protocol == Protocol::udp) ++counts_[{socket.netns, socket.family}];
    }
  }

  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      for (const Family family : {Family::ipv4, Family::ipv6}) {
        out.add(kSockets, counts_[{ns.inode, family}], ns.name, to_string(family));
      }
    }
    return {};
  }

 private:
  std::map<std::pair<std::uint32_t, Family>, std::uint32_t> counts_;
};

}  // namespace

extern const CollectorEntry kUdpSocketsEntry{
    .name = "udp_sockets",
    .summary = "UDP sockets, per network namespace",
    .on_by_default = true,
    .needs_sockets = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new UdpSockets); },
};

}  // namespace socket_exporter
