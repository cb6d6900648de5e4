#include "collectors/kernel/sockstat.h"

#include <fmt/format.h>

#include "collectors/collector.h"
#include "collectors/kernel/units.h"

namespace socket_exporter {
namespace {

constexpr Metric kValue{Type::Gauge, "node_sockstat_<Proto>_<Field>",
                        "Sockets of a protocol by state, and their memory, as /proc/net/sockstat "
                        "and sockstat6 have them; mem is in pages."};
constexpr MetricInfo kMetrics[] = {kValue};

class Sockstat final : public Collector {
 public:
  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const std::string_view path : {"net/sockstat", "net/sockstat6"}) {
      const auto& text = snapshot.proc(snapshot.host(), path);
      if (!text) {
        if (text.error().kind == Error::Kind::unavailable) continue;  // that IP version is off
        return text.error();
      }
      const auto values = parse_sockstat(*text);
      if (!values) return values.error();
      for (const SockstatValue& value : *values) add(value, out);
    }
    return {};
  }

 private:
  static void add(const SockstatValue& v, Families& out) {
    const std::string name = fmt::format("node_sockstat_{}_{}", v.protocol, v.field);
    const auto number = static_cast<double>(v.value);
    out.add_named(kValue.type, name, kValue.help, number);
    if (v.field != "mem") return;
    out.add_named(kValue.type, name + "_bytes", kValue.help,
                  number * static_cast<double>(page_size()));
  }
};

}  // namespace

extern const CollectorEntry kSockstatEntry{
    .name = "sockstat",
    .summary = "Socket counts and memory of /proc/net/sockstat and sockstat6, as node_exporter",
    .on_by_default = true,
    .needs_sockets = false,
    .node_compat = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Sockstat); },
};

}  // namespace socket_exporter
