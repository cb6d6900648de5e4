#include <map>
#include <string>

#include "collectors/base/bounded_table.h"
#include "collectors/collector.h"
#include "collectors/socket_owners.h"

namespace socket_exporter {
namespace {

constexpr Metric kSockets{
    Type::Gauge,
    "socket_destination_sockets",
    "Outgoing TCP sockets by destination and state, for the destinations with the most; the rest "
    "is destination=\"other\". comm: the process with most of them, up to a minute ago where there "
    "are many descriptors; where most are in TIME_WAIT the one that made most of those, or the "
    "last one known.",
    "netns",
    "destination",
    "destination_port",
    "peer_service",
    "state",
    "comm"};
constexpr MetricInfo kMetrics[] = {kSockets};

// The states that an outgoing socket goes through.
constexpr TcpState kStates[] = {TcpState::established, TcpState::syn_sent,  TcpState::syn_recv,
                                TcpState::fin_wait1,   TcpState::fin_wait2, TcpState::time_wait,
                                TcpState::close_wait,  TcpState::last_ack,  TcpState::closing};

/// Destinations told apart; 65,536 take 7 MiB. The largest are met before the table is full.
constexpr std::size_t kMaxDestinations = 65536;

void add(TcpStates& to, const TcpStates& from) {
  for (std::size_t state = 0; state < kTcpStates; ++state) to[state] += from[state];
}

class Destinations final : public Collector {
 public:
  Result<> prepare(Snapshot& snapshot) override {
    owners_.prepare(snapshot);
    return {};
  }

  void see(std::span<const Socket> sockets) override {
    for (const Socket& socket : sockets) {
      if (!is_outgoing(socket)) continue;
      ++states_of(destination_of(socket))[static_cast<std::size_t>(socket.state)];
    }
    owners_.see(sockets);
  }

  void choose(Snapshot& snapshot) override {
    ranked_.reserve(counts_.entries().size());
    for (const auto& [key, states] : counts_.entries()) {
      std::uint64_t sockets = 0;
      for (const auto count : states) sockets += count;
      ranked_.push_back({key, sockets});
    }
    shown_ = snapshot.history().destinations.choose(ranked_, snapshot.options().top_destinations,
                                                    snapshot.started());
    for (std::size_t i = 0; i < shown_; ++i) owners_.want(snapshot, ranked_[i].key);
  }

  Result<> emit(Snapshot& snapshot, Families& out) override {
    other_.try_emplace(snapshot.host().inode);
    for (std::size_t i = 0; i < ranked_.size(); ++i) {
      const DestinationKey& key = ranked_[i].key;
      other_.try_emplace(key.netns);
      if (i >= shown_) {
        add(other_[key.netns], counts_.entries().at(key));
        continue;
      }
      const TcpStates& states = counts_.entries().at(key);
      emit_states(out, states, snapshot.name_of(key.netns), to_string(key.address),
                  std::to_string(key.port), snapshot.services().name_of(key.address, key.port),
                  owners_.comm_of(snapshot, key, states));
    }
    for (const auto& [netns, states] : other_) {
      emit_states(out, states, snapshot.name_of(netns), "other", "", "", "");
    }
    snapshot.history().overflow[kSockets.name] +=
        ranked_.size() - shown_ + uncounted_ + owners_.left_out();
    return {};
  }

 private:
  TcpStates& states_of(const DestinationKey& key) {
    if (TcpStates* const states = counts_.find_or_add(key)) return *states;
    ++uncounted_;
    return other_[key.netns];
  }

  static void emit_states(Families& out, const TcpStates& states, std::string_view netns,
                          std::string_view destination, std::string_view port,
                          std::string_view peer_service, std::string_view comm) {
    for (const TcpState state : kStates) {
      out.add(kSockets, states[static_cast<std::size_t>(state)], netns, destination, port,
              peer_service, to_string(state), comm);
    }
  }

  BoundedTable<DestinationKey, TcpStates, DestinationHash, kMaxDestinations> counts_;
  std::vector<StickyTop<DestinationKey>::Candidate> ranked_;
  std::size_t shown_ = 0;
  DestinationOwners owners_;
  std::map<std::uint32_t, TcpStates> other_;  ///< by namespace, of those with destinations
  std::uint64_t uncounted_ = 0;               ///< sockets of destinations beyond the table
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
