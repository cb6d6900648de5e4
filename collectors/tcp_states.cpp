#include <map>

#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kSockets{
    Type::Gauge, "socket_tcp_sockets", "TCP sockets by state.", "netns", "family", "state"};
constexpr MetricInfo kMetrics[] = {kSockets};

class TcpStates final : public Collector {
 public:
  void see(std::span<const Socket> sockets) override {
    for (const Socket& socket : sockets) {
      if (socket.protocol != Protocol::tcp) continue;
      ++counts_[{socket.netns, socket.family}][static_cast<std::size_t>(socket.state)];
    }
  }

  // Zeroes are written too: a missing series would break alerts.
  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      for (const Family family : {Family::ipv4, Family::ipv6}) {
        const auto& count = counts_[{ns.inode, family}];
        for (std::size_t state = 1; state < kTcpStates; ++state) {
          out.add(kSockets, count[state], ns.name, to_string(family), kTcpStateNames[state]);
        }
      }
    }
    return {};
  }

 private:
  std::map<std::pair<std::uint32_t, Family>, std::array<std::uint32_t, kTcpStates>> counts_;
};

}  // namespace

extern const CollectorEntry kTcpStatesEntry{
    .name = "tcp_states",
    .summary = "TCP sockets by state, per network namespace",
    .on_by_default = true,
    .needs_sockets = true,
    .needs_bound_sockets = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new TcpStates); },
};

}  // namespace socket_exporter
