#include <fmt/format.h>

#include <string>

#include "collectors/collector.h"
#include "collectors/kernel/netstat.h"
#include "collectors/kernel/sockstat.h"

namespace socket_exporter {
namespace {

constexpr Metric kStatistic{Type::Untyped, "socket_netns_netstat",
                            "Protocol statistic of a namespace; field is <Proto>_<Field> as in "
                            "node_netstat, of the same fields.",
                            "netns", "field"};
constexpr Metric kSockstat{Type::Gauge, "socket_netns_sockstat",
                           "Sockets of a namespace by protocol; field is <Proto>_<Field> as in "
                           "node_sockstat. The kernel counts orphan, alloc and mem for the host.",
                           "netns", "field"};
constexpr MetricInfo kMetrics[] = {kStatistic, kSockstat};

class NetnsStatistics final : public Collector {
 public:
  // What may not be read of another namespace is absent: see feature_info.
  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      auto emitted = emit_namespace(snapshot, ns, out);
      if (!emitted && emitted.error().kind != Error::Kind::unavailable) return emitted;
    }
    return {};
  }

 private:
  static Result<> emit_namespace(Snapshot& snapshot, const NetNs& ns, Families& out) {
    const NetstatFilter wanted = [&](std::string_view protocol, std::string_view name) {
      return snapshot.wants_netstat(protocol, name);
    };
    for (const std::string_view path : {"net/netstat", "net/snmp"}) {
      const auto& text = snapshot.proc(ns, path);
      if (!text) return text.error();
      const auto values = parse_netstat(*text, wanted);
      if (!values) return values.error();
      for (const NetstatValue& v : *values) {
        out.add(kStatistic, v.value, ns.name, fmt::format("{}_{}", v.protocol, v.name));
      }
    }
    for (const std::string_view path : {"net/sockstat", "net/sockstat6"}) {
      const auto& text = snapshot.proc(ns, path);
      if (!text) return text.error();
      const auto values = parse_sockstat(*text);
      if (!values) return values.error();
      for (const SockstatValue& v : *values) {
        out.add(kSockstat, v.value, ns.name, fmt::format("{}_{}", v.protocol, v.field));
      }
    }
    return {};
  }
};

}  // namespace

extern const CollectorEntry kNetnsStatisticsEntry{
    .name = "netns_statistics",
    .summary = "Statistics of netstat, snmp and sockstat, per network namespace",
    .on_by_default = false,
    .needs_sockets = false,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new NetnsStatistics); },
};

}  // namespace socket_exporter
