#include "collectors/kernel/netstat.h"

#include <fmt/format.h>

#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kStatistic{Type::Untyped, "node_netstat_<Proto>_<Field>",
                            "Protocol statistic of the kernel, by the name it has in "
                            "/proc/net/netstat, snmp or snmp6."};
constexpr MetricInfo kMetrics[] = {kStatistic};

struct Source {
  std::string_view path;
  Result<std::vector<NetstatValue>> (*parse)(std::string_view, const NetstatFilter&);
  bool optional;
};
constexpr Source kSources[] = {
    {"net/netstat", parse_netstat, false},
    {"net/snmp", parse_netstat, false},
    {"net/snmp6", parse_snmp6, true},  // absent where IPv6 is off
};

class Netstat final : public Collector {
 public:
  Result<> emit(Snapshot& snapshot, Families& out) override {
    const NetstatFilter wanted = [&](std::string_view protocol, std::string_view name) {
      return snapshot.wants_netstat(protocol, name);
    };
    for (const Source& source : kSources) {
      const auto& text = snapshot.proc(snapshot.host(), source.path);
      if (!text) {
        if (source.optional && text.error().kind == Error::Kind::unavailable) continue;
        return text.error();
      }
      const auto statistics = source.parse(*text, wanted);
      if (!statistics) return statistics.error();
      for (const NetstatValue& s : *statistics) {
        out.add_named(kStatistic.type, fmt::format("node_netstat_{}_{}", s.protocol, s.name),
                      kStatistic.help, s.value);
      }
    }
    return {};
  }
};

}  // namespace

extern const CollectorEntry kNetstatEntry{
    .name = "netstat",
    .summary = "Protocol statistics of /proc/net/netstat, snmp and snmp6, as node_exporter",
    .on_by_default = true,
    .needs_sockets = false,
    .node_compat = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Netstat); },
};

}  // namespace socket_exporter
