#include <string>

#include "collectors/collector.h"
#include "collectors/port_usage.h"

namespace socket_exporter {
namespace {

constexpr Metric kRange{Type::Gauge, "socket_ephemeral_port_range_ports",
                        "Ports of net.ipv4.ip_local_port_range.", "netns"};
constexpr Metric kReserved{Type::Gauge, "socket_ephemeral_reserved_ports",
                           "Ports of the range that net.ipv4.ip_local_reserved_ports takes out.",
                           "netns"};
constexpr Metric kUsable{
    Type::Gauge, "socket_ephemeral_ports_usable",
    "Ports that connect() may take: the range less reserved ports, listeners' ports and ports of "
    "sockets that only called bind(). An upper bound: a port bound before connect() is lost too, "
    "but no socket dump tells it.",
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
    "Ports that a new connection of this tuple cannot take, for the fullest tuples; connect() "
    "fails when it reaches socket_ephemeral_ports_usable. UDP ports count for every destination.",
    "netns",
    "protocol",
    "source",
    "destination",
    "destination_port",
    "peer_service"};
constexpr MetricInfo kMetrics[] = {kRange, kReserved, kUsable, kUsed, kTupleMax, kTuple};

class EphemeralPorts final : public Collector {
 public:
  Result<> prepare(Snapshot& snapshot) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      auto space = read_port_space(snapshot, ns);
      if (!space) return space.error();
      usage_.add_namespace(ns, std::move(*space));
    }
    return {};
  }

  void see(std::span<const Socket> sockets) override { usage_.see(sockets); }

  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      const PortSpace& space = usage_.space(ns);
      out.add(kRange, space.ports(), ns.name);
      out.add(kReserved, space.reserved, ns.name);
      for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
        const PortUse use = usage_.use(ns, protocol);
        out.add(kUsable, use.usable, ns.name, to_string(protocol));
        out.add(kUsed, use.used, ns.name, to_string(protocol));
        out.add(kTupleMax, use.tuple_max, ns.name, to_string(protocol));
      }
      out.add(kTuple, usage_.use(ns, Protocol::udp).used, ns.name, "udp", "*", "*", "*", "");
    }
    emit_tuples(snapshot, out);
    return {};
  }

 private:
  // No `other` row: a sum over tuples is no number of ports, and would look like a full tuple.
  void emit_tuples(Snapshot& snapshot, Families& out) {
    std::vector<StickyTop<TupleKey>::Candidate> tuples;
    tuples.reserve(usage_.tuples().size());
    for (const auto& [key, tuple] : usage_.tuples()) tuples.push_back({key, tuple.ports_used});
    History& history = snapshot.history();
    const std::size_t shown =
        history.tuples.choose(tuples, snapshot.options().top_tuples, snapshot.started());
    for (std::size_t i = 0; i < shown; ++i) {
      const TupleKey& key = tuples[i].key;
      out.add(kTuple, tuples[i].size, snapshot.name_of(key.netns), to_string(key.protocol),
              to_string(key.source), to_string(key.destination),
              std::to_string(key.destination_port),
              snapshot.services().name_of(key.destination, key.destination_port));
    }
    history.overflow[kTuple.name] += tuples.size() - shown + usage_.uncounted_sockets();
  }

  PortUsage usage_;
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
