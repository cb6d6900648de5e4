#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kValue{
    Type::Gauge, "socket_sysctl_value",
    "Kernel settings that decide how many sockets and ports there are; of other namespaces "
    "than the host's those that count there.",
    "netns", "name"};
constexpr MetricInfo kMetrics[] = {kValue};

struct Sysctl {
  std::string_view name;
  std::string_view path;
  bool everywhere = false;  ///< of each namespace, not the host's alone: those that decide there
};
constexpr Sysctl kSysctls[] = {
    {"ip_autobind_reuse", "sys/net/ipv4/ip_autobind_reuse"},
    {"ip_nonlocal_bind", "sys/net/ipv4/ip_nonlocal_bind"},
    {"ip_unprivileged_port_start", "sys/net/ipv4/ip_unprivileged_port_start"},
    {"netdev_max_backlog", "sys/net/core/netdev_max_backlog"},
    {"nf_conntrack_buckets", "sys/net/netfilter/nf_conntrack_buckets"},
    {"nf_conntrack_max", "sys/net/netfilter/nf_conntrack_max"},
    {"rmem_max", "sys/net/core/rmem_max"},
    {"somaxconn", "sys/net/core/somaxconn", true},
    {"tcp_abort_on_overflow", "sys/net/ipv4/tcp_abort_on_overflow"},
    {"tcp_fastopen", "sys/net/ipv4/tcp_fastopen"},
    {"tcp_fin_timeout", "sys/net/ipv4/tcp_fin_timeout", true},
    {"tcp_keepalive_intvl", "sys/net/ipv4/tcp_keepalive_intvl"},
    {"tcp_keepalive_probes", "sys/net/ipv4/tcp_keepalive_probes"},
    {"tcp_keepalive_time", "sys/net/ipv4/tcp_keepalive_time"},
    {"tcp_max_orphans", "sys/net/ipv4/tcp_max_orphans"},
    {"tcp_max_syn_backlog", "sys/net/ipv4/tcp_max_syn_backlog"},
    {"tcp_max_tw_buckets", "sys/net/ipv4/tcp_max_tw_buckets", true},
    {"tcp_orphan_retries", "sys/net/ipv4/tcp_orphan_retries"},
    {"tcp_retries2", "sys/net/ipv4/tcp_retries2"},
    {"tcp_syn_retries", "sys/net/ipv4/tcp_syn_retries"},
    {"tcp_synack_retries", "sys/net/ipv4/tcp_synack_retries"},
    {"tcp_syncookies", "sys/net/ipv4/tcp_syncookies"},
    {"tcp_timestamps", "sys/net/ipv4/tcp_timestamps", true},
    {"tcp_tw_reuse", "sys/net/ipv4/tcp_tw_reuse", true},
    {"tcp_tw_reuse_delay", "sys/net/ipv4/tcp_tw_reuse_delay", true},  // since 6.13
    {"wmem_max", "sys/net/core/wmem_max"},
};

class Sysctls final : public Collector {
 public:
  // Kernels differ, and some settings exist in the initial namespace only: absent is no series.
  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      for (const Sysctl& sysctl : kSysctls) {
        if (!sysctl.everywhere && !snapshot.is_host(ns)) continue;
        const auto value = snapshot.sysctl(ns, sysctl.path);
        if (value) {
          out.add(kValue, *value, ns.name, sysctl.name);
        } else if (value.error().kind != Error::Kind::unavailable) {
          return value.error();
        }
      }
    }
    return {};
  }
};

}  // namespace

extern const CollectorEntry kSysctlsEntry{
    .name = "sysctls",
    .summary = "Kernel settings that decide about sockets and ports",
    .on_by_default = true,
    .needs_sockets = false,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Sysctls); },
};

}  // namespace socket_exporter
