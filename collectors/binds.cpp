#include <string_view>

#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kFailures{
    Type::Counter,
    "socket_bind_failures_total",
    "TCP and UDP sockets that were refused a local port, since the exporter's start. in_use: "
    "EADDRINUSE for the port that bind() asked for; no_port: bind() asked for any port and none of "
    "the range was free, or connect() of a UDP socket did; not_available: EADDRNOTAVAIL, no such "
    "address; denied: EACCES or EPERM; other: all other errors of bind(). The processes with most "
    "lately have a series each; the rest of a namespace is comm=\"other\". listen(), sendto() and "
    "io_uring are seen where the feature bind_tracking is by fexit, and what a security module "
    "denies where it is by tracepoints; connect() of TCP sockets is in "
    "socket_connect_failures_total.",
    "netns",
    "comm",
    "protocol",
    "reason"};
constexpr MetricInfo kMetrics[] = {kFailures};

constexpr std::string_view kOther = "other";
constexpr std::size_t kMostShown = 100;

/// By sx_bind_reason.
constexpr std::string_view kReasons[] = {"in_use", "no_port", "not_available", "denied", "other"};
static_assert(std::size(kReasons) == SX_BIND_REASONS);

class Binds final : public Collector {
 public:
  // Where bind() is not followed, socket_exporter_feature_info says why.
  Result<> emit(Snapshot& snapshot, Families& out) override {
    const auto counts = snapshot.binds();
    if (!counts && counts.error().kind == Error::Kind::unavailable) return {};
    if (!counts) return counts.error();
    BindLedger& ledger = snapshot.history().binds;
    ledger.read(counts->records, snapshot.scanned_namespaces(), snapshot.started());
    ledger.forget(snapshot.forget_binds(ledger.idle()));
    snapshot.history().overflow[kFailures.name] += ledger.choose(kMostShown);

    for (const auto& [labels, counters] : ledger.binds().series()) {
      emit_series(out, snapshot.name_of(labels.netns.inode), labels.comm,
                  to_string(labels.protocol), counters);
    }
    for (const NetNs& ns : snapshot.namespaces()) {
      if (ns.is_other()) continue;
      const BindCounters rest = ledger.binds().rest_of(NetnsPlaces::slot_of(ns));
      if (snapshot.is_host(ns) || rest != BindCounters{}) {
        emit_series(out, ns.name, kOther, kOther, rest);
      }
    }
    const BindCounters hidden = ledger.binds().rest_of(NetnsId{});
    if (hidden != BindCounters{}) emit_series(out, kOther, kOther, kOther, hidden);
    snapshot.history().missed_events["binds"] = counts->missed;
    return {};
  }

 private:
  static void emit_series(Families& out, std::string_view netns, std::string_view comm,
                          std::string_view protocol, const BindCounters& counters) {
    for (std::size_t reason = 0; reason < counters.size(); ++reason) {
      out.add(kFailures, counters[reason], netns, comm, protocol, kReasons[reason]);
    }
  }
};

}  // namespace

extern const CollectorEntry kBindsEntry{
    .name = "binds",
    .summary = "Sockets that got no local port, by eBPF; when named, by system calls if need be",
    .on_by_default = true,
    .needs_sockets = false,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Binds); },
};

}  // namespace socket_exporter
