#include <string>
#include <unordered_map>

#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kSockets{
    Type::Gauge,
    "socket_destination_sockets",
    "Outgoing TCP sockets by destination and state, for the destinations with the most; the rest "
    "is destination=\"other\".",
    "netns",
    "destination",
    "destination_port",
    "peer_service",
    "state"};
constexpr MetricInfo kMetrics[] = {kSockets};

// The states that an outgoing socket goes through.
constexpr TcpState kStates[] = {TcpState::established, TcpState::syn_sent,  TcpState::syn_recv,
                                TcpState::fin_wait1,   TcpState::fin_wait2, TcpState::time_wait,
                                TcpState::close_wait,  TcpState::last_ack,  TcpState::closing};

using States = std::array<std::uint32_t, kTcpStates>;

struct KeyHash {
  std::size_t operator()(const DestinationKey& key) const {
    return hash_mix(hash_of(key.address) ^ ((std::uint64_t{key.netns} << 16U) | key.port));
  }
};

/// Destinations told apart; 65,536 take 7 MiB. The largest are met before the table is full.
constexpr std::size_t kMaxDestinations = 65536;

void add(States& to, const States& from) {
  for (std::size_t state = 0; state < kTcpStates; ++state) to[state] += from[state];
}

class Destinations final : public Collector {
 public:
  void see(std::span<const Socket> sockets) override {
    for (const Socket& socket : sockets) {
      if (socket.protocol != Protocol::tcp || socket.inbound || socket.state == TcpState::listen ||
          socket.state == TcpState::close) {
        continue;
      }
      ++states_of({socket.netns, socket.remote,
                   socket.remote_port})[static_cast<std::size_t>(socket.state)];
    }
  }

  Result<> emit(Snapshot& snapshot, Families& out) override {
    std::vector<StickyTop<DestinationKey>::Candidate> ranked;
    ranked.reserve(counts_.size());
    for (const auto& [key, states] : counts_) {
      std::uint64_t sockets = 0;
      for (const auto count : states) sockets += count;
      ranked.push_back({key, sockets});
    }
    History& history = snapshot.history();
    const std::size_t shown = history.destinations.choose(
        ranked, snapshot.options().top_destinations, snapshot.started());

    for (std::size_t i = 0; i < ranked.size(); ++i) {
      const DestinationKey& key = ranked[i].key;
      if (i >= shown) {
        add(other_[key.netns], counts_.at(key));
        continue;
      }
      emit_states(out, counts_.at(key), snapshot.name_of(key.netns), to_string(key.address),
                  std::to_string(key.port), snapshot.services().name_of(key.address, key.port));
    }
    for (const NetNs& ns : snapshot.namespaces()) {
      emit_states(out, other_[ns.inode], ns.name, "other", "", "");
    }
    history.overflow[kSockets.name] += ranked.size() - shown + uncounted_;
    return {};
  }

 private:
  States& states_of(const DestinationKey& key) {
    const auto known = counts_.find(key);
    if (known != counts_.end()) return known->second;
    if (counts_.size() < kMaxDestinations) return counts_[key];
    ++uncounted_;
    return other_[key.netns];
  }

  static void emit_states(Families& out, const States& states, std::string_view netns,
                          std::string_view destination, std::string_view port,
                          std::string_view peer_service) {
    for (const TcpState state : kStates) {
      out.add(kSockets, states[static_cast<std::size_t>(state)], netns, destination, port,
              peer_service, to_string(state));
    }
  }

  std::unordered_map<DestinationKey, States, KeyHash> counts_;
  std::unordered_map<std::uint32_t, States> other_;  ///< by namespace
  std::uint64_t uncounted_ = 0;                      ///< sockets of destinations beyond the table
};

}  // namespace

extern const CollectorEntry kDestinationsEntry{
    .name = "destinations",
    .summary = "Outgoing TCP sockets by destination and state",
    .on_by_default = true,
    .needs_sockets = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Destinations); },
};

}  // namespace socket_exporter
