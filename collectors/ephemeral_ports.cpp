#include <algorithm>
#include <string>
#include <unordered_map>

#include "collectors/collector.h"
#include "collectors/port_usage.h"
#include "collectors/socket_owners.h"

namespace socket_exporter {
namespace {

constexpr Metric kRange{Type::Gauge, "socket_ephemeral_port_range_ports",
                        "Ports of net.ipv4.ip_local_port_range.", "netns"};
constexpr Metric kReserved{Type::Gauge, "socket_ephemeral_reserved_ports",
                           "Ports of the range that net.ipv4.ip_local_reserved_ports takes out.",
                           "netns"};
constexpr Metric kUsable{
    Type::Gauge, "socket_ephemeral_ports_usable",
    "Ports that connect() may take: the range less reserved ports and those that bind() or "
    "listen() holds. Without the feature socket_walk an upper bound: then a port bound before "
    "connect() is not told from others.",
    "netns", "protocol"};
constexpr Metric kUsed{Type::Gauge, "socket_ephemeral_ports_used",
                       "Distinct unreserved ports of the range held by any socket, TIME_WAIT too.",
                       "netns", "protocol"};
constexpr Metric kTupleMax{Type::Gauge, "socket_ephemeral_tuple_ports_used_max",
                           "Ports used by the fullest tuple of source and destination.", "netns",
                           "protocol"};
constexpr Metric kTuple{
    Type::Gauge,
    "socket_ephemeral_tuple_ports_used",
    "Ports that a new connection of this tuple cannot take, for the tuples that are fullest "
    "beside their namespace's usable ports; connect() fails when it reaches "
    "socket_ephemeral_ports_usable. UDP ports count for every destination. comm: the process with "
    "most sockets to that destination, up to a minute ago where there are many descriptors; where "
    "most are in TIME_WAIT the one that made most of those, or the last one known.",
    "netns",
    "protocol",
    "source",
    "destination",
    "destination_port",
    "peer_service",
    "comm"};
constexpr MetricInfo kMetrics[] = {kRange, kReserved, kUsable, kUsed, kTupleMax, kTuple};

class EphemeralPorts final : public Collector {
 public:
  Result<> prepare(Snapshot& snapshot) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      if (ns.is_other()) continue;  // ranges do not add up
      auto space = read_port_space(snapshot, ns);
      if (!space && snapshot.is_host(ns)) return space.error();
      if (space) usage_.add_namespace(ns, std::move(*space));
    }
    owners_.prepare(snapshot);
    return {};
  }

  void see(std::span<const Socket> sockets) override {
    usage_.see(sockets);
    owners_.see(sockets);
  }

  void choose(Snapshot& snapshot) override {
    rank(snapshot);
    shown_ = snapshot.history().tuples.choose(ranked_, snapshot.options().top_tuples,
                                              snapshot.started());
    for (std::size_t i = 0; i < shown_; ++i) owners_.want(snapshot, destination_of(ranked_[i].key));
  }

  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      if (!usage_.has(ns)) continue;
      const PortSpace& space = usage_.space(ns);
      out.add(kRange, space.ports(), ns.name);
      out.add(kReserved, space.reserved, ns.name);
      for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
        const PortUse use = usage_.use(ns, protocol);
        out.add(kUsable, use.usable, ns.name, to_string(protocol));
        out.add(kUsed, use.used, ns.name, to_string(protocol));
        out.add(kTupleMax, use.tuple_max, ns.name, to_string(protocol));
      }
      out.add(kTuple, usage_.use(ns, Protocol::udp).used, ns.name, "udp", "*", "*", "*", "", "");
    }
    emit_tuples(snapshot, out);
    return {};
  }

 private:
  // By how full they are: a pod with a small range must not hide behind the tuples of a busy host.
  void rank(Snapshot& snapshot) {
    std::unordered_map<std::uint32_t, std::uint64_t> usable;
    for (const NetNs& ns : snapshot.namespaces()) {
      if (usage_.has(ns)) usable[ns.inode] = usage_.use(ns, Protocol::tcp).usable;
    }
    ranked_.reserve(usage_.tuples().size());
    for (const auto& [key, tuple] : usage_.tuples()) {
      constexpr std::uint64_t kFull = 1'000'000;
      const std::uint64_t ports = std::max<std::uint64_t>(usable[key.netns], 1);
      ranked_.push_back({key, tuple.ports_used * kFull / ports});
    }
  }

  // No `other` row: a sum over tuples is no number of ports, and would look like a full tuple.
  void emit_tuples(Snapshot& snapshot, Families& out) {
    for (std::size_t i = 0; i < shown_; ++i) {
      const TupleKey& key = ranked_[i].key;
      const TupleUse& use = usage_.tuples().at(key);
      out.add(kTuple, use.ports_used, snapshot.name_of(key.netns), to_string(key.protocol),
              to_string(key.source), to_string(key.destination),
              std::to_string(key.destination_port),
              snapshot.services().name_of(key.destination, key.destination_port),
              owners_.comm_of(snapshot, destination_of(key), use.states));
    }
    snapshot.history().overflow[kTuple.name] +=
        ranked_.size() - shown_ + usage_.uncounted_sockets() + owners_.left_out();
  }

  static DestinationKey destination_of(const TupleKey& key) {
    return {key.netns, key.destination, key.destination_port};
  }

  PortUsage usage_;
  std::vector<StickyTop<TupleKey>::Candidate> ranked_;
  std::size_t shown_ = 0;
  DestinationOwners owners_;
};

}  // namespace

extern const CollectorEntry kEphemeralPortsEntry{
    .name = "ephemeral_ports",
    .summary = "Ephemeral ports: range, usable, used, and the fullest tuples",
    .on_by_default = true,
    .needs_sockets = true,
    .needs_bound_sockets = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new EphemeralPorts); },
};

}  // namespace socket_exporter
