#include "collectors/collector.h"
#include "collectors/kernel/sockstat.h"
#include "collectors/kernel/sys_net.h"

namespace socket_exporter {
namespace {

constexpr Metric kMemory{Type::Gauge, "socket_tcp_memory_pages",
                         "Memory pages that TCP buffers of the whole host take."};
constexpr Metric kMemoryLimit{Type::Gauge, "socket_tcp_memory_limit_pages",
                              "The levels of tcp_mem: buffers shrink above pressure, allocations "
                              "fail above high.",
                              "level"};
constexpr Metric kOrphans{Type::Gauge, "socket_tcp_orphans",
                          "TCP sockets of the whole host that no process owns any more."};
constexpr Metric kOrphansLimit{Type::Gauge, "socket_tcp_orphans_limit",
                               "Orphans beyond tcp_max_orphans are reset."};
constexpr Metric kTimeWaitLimit{Type::Gauge, "socket_tcp_time_wait_limit",
                                "Connections beyond tcp_max_tw_buckets skip TIME_WAIT.", "netns"};
constexpr MetricInfo kMetrics[] = {kMemory, kMemoryLimit, kOrphans, kOrphansLimit, kTimeWaitLimit};

class Limits final : public Collector {
 public:
  Result<> emit(Snapshot& snapshot, Families& out) override {
    if (const auto done = emit_use(snapshot, out); !done) return done.error();
    if (const auto done = emit_memory_limits(snapshot, out); !done) return done.error();
    if (const auto done = emit_orphans_limit(snapshot, out); !done) return done.error();
    return emit_time_wait_limits(snapshot, out);
  }

 private:
  // The kernel counts orphans and memory for all namespaces together, so any sockstat tells them.
  static Result<> emit_use(Snapshot& snapshot, Families& out) {
    const auto& text = snapshot.proc(snapshot.host(), "net/sockstat");
    if (!text) return text.error();
    const auto values = parse_sockstat(*text);
    if (!values) return values.error();
    if (const auto pages = find_sockstat(*values, "TCP", "mem")) out.add(kMemory, *pages);
    if (const auto orphans = find_sockstat(*values, "TCP", "orphan")) out.add(kOrphans, *orphans);
    return {};
  }

  // Like tcp_max_orphans, the file exists in the initial network namespace only.
  static Result<> emit_memory_limits(Snapshot& snapshot, Families& out) {
    const auto& text = snapshot.proc(snapshot.host(), "sys/net/ipv4/tcp_mem");
    if (!text) return unless_unavailable(text.error());
    const auto limits = parse_tcp_mem(*text);
    if (!limits) return limits.error();
    out.add(kMemoryLimit, limits->low, "low");
    out.add(kMemoryLimit, limits->pressure, "pressure");
    out.add(kMemoryLimit, limits->high, "high");
    return {};
  }

  static Result<> emit_orphans_limit(Snapshot& snapshot, Families& out) {
    const auto limit = snapshot.sysctl(snapshot.host(), "sys/net/ipv4/tcp_max_orphans");
    if (!limit) return unless_unavailable(limit.error());
    out.add(kOrphansLimit, *limit);
    return {};
  }

  static Result<> emit_time_wait_limits(Snapshot& snapshot, Families& out) {
    for (const NetNs& ns : snapshot.namespaces()) {
      const auto limit = snapshot.sysctl(ns, "sys/net/ipv4/tcp_max_tw_buckets");
      if (limit) {
        out.add(kTimeWaitLimit, *limit, ns.name);
      } else if (limit.error().kind != Error::Kind::unavailable) {
        return limit.error();
      }
    }
    return {};
  }

  static Result<> unless_unavailable(const Error& error) {
    if (error.kind == Error::Kind::unavailable) return {};
    return error;
  }
};

}  // namespace

extern const CollectorEntry kLimitsEntry{
    .name = "limits",
    .summary = "TCP memory, orphans and TIME_WAIT against their limits",
    .on_by_default = true,
    .needs_sockets = false,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Limits); },
};

}  // namespace socket_exporter
