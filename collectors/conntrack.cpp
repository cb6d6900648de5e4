#include "collectors/kernel/conntrack.h"

#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kEntries{Type::Gauge, "node_nf_conntrack_entries",
                          "Connections in the connection tracking table."};
constexpr Metric kLimit{Type::Gauge, "node_nf_conntrack_entries_limit",
                        "Connections that the connection tracking table may hold."};
constexpr Metric kFound{Type::Gauge, "node_nf_conntrack_stat_found",
                        "Lookups that found their connection, since boot."};
constexpr Metric kInvalid{Type::Gauge, "node_nf_conntrack_stat_invalid",
                          "Packets that belong to no trackable connection, since boot."};
constexpr Metric kIgnore{Type::Gauge, "node_nf_conntrack_stat_ignore",
                         "Packets that were tracked before, since boot; 0 on newer kernels."};
constexpr Metric kInsert{Type::Gauge, "node_nf_conntrack_stat_insert",
                         "Connections put into the table, since boot."};
constexpr Metric kInsertFailed{Type::Gauge, "node_nf_conntrack_stat_insert_failed",
                               "Connections that could not be put into the table, since boot."};
constexpr Metric kDrop{Type::Gauge, "node_nf_conntrack_stat_drop",
                       "Packets lost because their connection could not be tracked, since boot."};
constexpr Metric kEarlyDrop{Type::Gauge, "node_nf_conntrack_stat_early_drop",
                            "Connections forgotten early because the table was full, since boot."};
constexpr Metric kSearchRestart{Type::Gauge, "node_nf_conntrack_stat_search_restart",
                                "Lookups begun anew because the table was resized, since boot."};
constexpr MetricInfo kMetrics[] = {kEntries, kLimit,        kFound, kInvalid,   kIgnore,
                                   kInsert,  kInsertFailed, kDrop,  kEarlyDrop, kSearchRestart};

struct Statistic {
  const Metric<0>& metric;
  std::optional<std::uint64_t> ConntrackStat::*value;
};
constexpr Statistic kStatistics[] = {
    {kFound, &ConntrackStat::found},
    {kInvalid, &ConntrackStat::invalid},
    {kIgnore, &ConntrackStat::ignore},
    {kInsert, &ConntrackStat::insert},
    {kInsertFailed, &ConntrackStat::insert_failed},
    {kDrop, &ConntrackStat::drop},
    {kEarlyDrop, &ConntrackStat::early_drop},
    {kSearchRestart, &ConntrackStat::search_restart},
};

class Conntrack final : public Collector {
 public:
  // Without the nf_conntrack module there are no files: unavailable.
  Result<> emit(Snapshot& snapshot, Families& out) override {
    const auto entries = snapshot.sysctl(snapshot.host(), "sys/net/netfilter/nf_conntrack_count");
    if (!entries) return entries.error();
    const auto limit = snapshot.sysctl(snapshot.host(), "sys/net/netfilter/nf_conntrack_max");
    if (!limit) return limit.error();
    out.add(kEntries, *entries);
    out.add(kLimit, *limit);
    return emit_statistics(snapshot, out);
  }

 private:
  // Kernels without CONFIG_NF_CONNTRACK_PROCFS have the table but not this file.
  static Result<> emit_statistics(Snapshot& snapshot, Families& out) {
    const auto& text = snapshot.proc(snapshot.host(), "net/stat/nf_conntrack");
    if (!text) {
      if (text.error().kind == Error::Kind::unavailable) return {};
      return text.error();
    }
    const auto stat = parse_conntrack_stat(*text);
    if (!stat) return stat.error();
    for (const Statistic& statistic : kStatistics) {
      const auto& value = (*stat).*statistic.value;
      if (value) out.add(statistic.metric, *value);
    }
    return {};
  }
};

}  // namespace

extern const CollectorEntry kConntrackEntry{
    .name = "conntrack",
    .summary = "Connection tracking table and its statistics, as node_exporter",
    .on_by_default = true,
    .needs_sockets = false,
    .node_compat = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Conntrack); },
};

}  // namespace socket_exporter
