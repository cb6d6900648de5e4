#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kStates{
    Type::Gauge, "node_tcp_connection_states",
    "TCP sockets by state, and the sums of their queues. As in node_exporter, "
    "the queues of listeners are in these sums, requests in syn_recv, bound-only sockets nowhere.",
    "state"};
constexpr Metric kEstablished{Type::Gauge, "node_netstat_Tcp_Established",
                              "TCP sockets in ESTABLISHED."};
constexpr Metric kSynSent{Type::Gauge, "node_netstat_Tcp_SynSent", "TCP sockets in SYN_SENT."};
constexpr Metric kSynRecv{Type::Gauge, "node_netstat_Tcp_SynRecv", "TCP sockets in SYN_RECV."};
constexpr Metric kFinWait1{Type::Gauge, "node_netstat_Tcp_FinWait1", "TCP sockets in FIN_WAIT1."};
constexpr Metric kFinWait2{Type::Gauge, "node_netstat_Tcp_FinWait2", "TCP sockets in FIN_WAIT2."};
constexpr Metric kTimeWait{Type::Gauge, "node_netstat_Tcp_TimeWait", "TCP sockets in TIME_WAIT."};
constexpr Metric kClose{Type::Gauge, "node_netstat_Tcp_Close",
                        "TCP sockets in CLOSE; those that only called bind() are not counted."};
constexpr Metric kCloseWait{Type::Gauge, "node_netstat_Tcp_CloseWait",
                            "TCP sockets in CLOSE_WAIT."};
constexpr Metric kLastAck{Type::Gauge, "node_netstat_Tcp_LastAck", "TCP sockets in LAST_ACK."};
constexpr Metric kListen{Type::Gauge, "node_netstat_Tcp_Listen", "TCP sockets in LISTEN."};
constexpr Metric kClosing{Type::Gauge, "node_netstat_Tcp_Closing", "TCP sockets in CLOSING."};
constexpr Metric kNewSynRecv{Type::Gauge, "node_netstat_Tcp_NewSynRecv",
                             "Requests for a TCP connection that wait for the last ACK."};

// By state number; 0 is no state.
constexpr const Metric<0>* kByState[kTcpStates] = {
    nullptr, &kEstablished, &kSynSent, &kSynRecv, &kFinWait1, &kFinWait2,  &kTimeWait,
    &kClose, &kCloseWait,   &kLastAck, &kListen,  &kClosing,  &kNewSynRecv};
constexpr MetricInfo kMetrics[] = {kStates,   kEstablished, kSynSent,   kSynRecv,   kFinWait1,
                                   kFinWait2, kTimeWait,    kClose,     kCloseWait, kLastAck,
                                   kListen,   kClosing,     kNewSynRecv};

class Tcpstat final : public Collector {
 public:
  Result<> prepare(Snapshot& snapshot) override {
    host_ = snapshot.host().inode;
    return {};
  }

  void see(std::span<const Socket> sockets) override {
    for (const Socket& socket : sockets) {
      if (socket.protocol != Protocol::tcp || socket.netns != host_) continue;
      // node_exporter does not see sockets that only called bind().
      if (socket.state == TcpState::close && socket.port_bound) continue;
      ++counts_[static_cast<std::size_t>(socket.state)];
      receive_queued_ += socket.receive_queue;
      send_queued_ += socket.send_queue == kQueueLimitUnknown ? 0 : socket.send_queue;
    }
  }

  Result<> emit(Snapshot& /*snapshot*/, Families& out) override {
    constexpr auto kRequestState = static_cast<std::size_t>(TcpState::new_syn_recv);
    auto theirs = counts_;
    theirs[static_cast<std::size_t>(TcpState::syn_recv)] += counts_[kRequestState];
    for (std::size_t state = 1; state < kRequestState; ++state) {
      out.add(kStates, theirs[state], kTcpStateNames[state]);
    }
    out.add(kStates, receive_queued_, "rx_queued_bytes");
    out.add(kStates, send_queued_, "tx_queued_bytes");
    for (std::size_t state = 1; state < kTcpStates; ++state) {
      out.add(*kByState[state], counts_[state]);
    }
    return {};
  }

 private:
  std::uint32_t host_ = 0;
  std::array<std::uint64_t, kTcpStates> counts_{};
  std::uint64_t receive_queued_ = 0;
  std::uint64_t send_queued_ = 0;
};

}  // namespace

extern const CollectorEntry kTcpstatEntry{
    .name = "tcpstat",
    .summary = "node_exporter's TCP connection states, and a gauge per state",
    .on_by_default = true,
    .needs_sockets = true,
    .node_compat = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Tcpstat); },
};

}  // namespace socket_exporter
