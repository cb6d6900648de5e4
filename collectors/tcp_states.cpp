#include <array>
#include <unordered_map>

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
      if (last_ == nullptr || socket.netns != last_netns_) {
        last_ = &counts_[socket.netns];
        last_netns_ = socket.netns;
      }
      ++(*last_)[static_cast<std::size_t>(socket.family)][static_cast<std::size_t>(socket.state)];
    }
  }

  // Zeroes are written too: a missing series would break alerts.
  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      for (const Family family : {Family::ipv4, Family::ipv6}) {
        const auto& count = counts_[ns.inode][static_cast<std::size_t>(family)];
        for (std::size_t state = 1; state < kTcpStates; ++state) {
          out.add(kSockets, count[state], ns.name, to_string(family), kTcpStateNames[state]);
        }
      }
    }
    return {};
  }

 private:
  /// By family and state.
  using Counts = std::array<std::array<std::uint32_t, kTcpStates>, 2>;

  std::unordered_map<std::uint32_t, Counts> counts_;  ///< by namespace
  std::uint32_t last_netns_ = 0;                      ///< and its counts: they come in runs
  Counts* last_ = nullptr;
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
