#include "exporter/diagnosis/inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "collectors/base/text.h"
#include "collectors/kernel/conntrack.h"
#include "collectors/kernel/netstat.h"
#include "collectors/kernel/process.h"
#include "collectors/kernel/sockstat.h"
#include "collectors/kernel/sys_net.h"
#include "exporter/diagnosis/socket_census.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

/// A kernel under load may interrupt a pass; three in a row is a failure.
constexpr int kScanTries = 3;

/// Fullest processes kept: more than a screen has room for.
constexpr std::size_t kProcesses = 10;

/// What decides about ports and queues, in the order of the report.
constexpr std::string_view kSysctls[] = {
    "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_tw_reuse",        "net.ipv4.tcp_fin_timeout",
    "net.core.somaxconn",           "net.ipv4.tcp_max_tw_buckets",
};

std::optional<std::uint64_t> read_number(Snapshot& snapshot, std::string_view path) {
  const auto value = snapshot.sysctl(snapshot.host(), path);
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

Result<SeenSockets> see_sockets(Kernel& kernel, Snapshot& snapshot, const Owners& owners) {
  const NetNs& ns = snapshot.host();
  for (int tries = 0; tries < kScanTries; ++tries) {
    auto space = read_port_space(snapshot, ns);
    if (!space) return space.error();
    SocketCensus census(owners, (*space)->min, (*space)->max);
    PortUsage usage;
    usage.add_namespace(ns, std::move(*space));
    const auto stats = kernel.scan_sockets(ns, Detail::owners, snapshot.deadline(),
                                           [&](std::span<const Socket> sockets) {
                                             usage.see(sockets);
                                             census.see(sockets);
                                           });
    if (!stats) return stats.error();
    if (!stats->interrupted) return std::move(census).finish(usage, ns, snapshot.services());
  }
  return Error{Error::Kind::io, "the socket table changed during each scan"};
}

Result<SeenDescriptors> see_descriptors(Snapshot& snapshot, const Owners& owners) {
  const auto& text = snapshot.proc(snapshot.host(), "sys/fs/file-nr");
  if (!text) return text.error();
  const auto files = parse_file_nr(*text);
  if (!files) return files.error();
  SeenDescriptors seen;
  seen.open = files->open;
  seen.limit = files->limit;
  seen.unreadable = owners.unreadable();
  for (std::size_t i = 0; i < owners.processes().size(); ++i) {
    SeenProcess process;
    process.process = name_of(owners, i);
    process.open_fds = owners.processes()[i].open_fds;
    process.fds_limit = owners.processes()[i].fds_limit;
    seen.processes.push_back(std::move(process));
  }
  auto& all = seen.processes;
  std::stable_sort(all.begin(), all.end(), [](const SeenProcess& a, const SeenProcess& b) {
    const auto rank = [](const SeenProcess& p) { return std::pair(p.fds_percent(), p.open_fds); };
    return rank(a) > rank(b);
  });
  if (all.size() > kProcesses) all.resize(kProcesses);
  return seen;
}

Result<SeenConntrack> see_conntrack(Snapshot& snapshot) {
  const NetNs& ns = snapshot.host();
  const auto entries = snapshot.sysctl(ns, "sys/net/netfilter/nf_conntrack_count");
  if (!entries) return entries.error();
  const auto limit = snapshot.sysctl(ns, "sys/net/netfilter/nf_conntrack_max");
  if (!limit) return limit.error();
  SeenConntrack seen;
  seen.entries = static_cast<std::uint64_t>(std::max<std::int64_t>(*entries, 0));
  seen.limit = static_cast<std::uint64_t>(std::max<std::int64_t>(*limit, 0));
  if (const auto& text = snapshot.proc(ns, "net/stat/nf_conntrack")) {
    const auto stat = parse_conntrack_stat(*text);
    if (!stat) return stat.error();
    seen.dropped = stat->drop.value_or(0) + stat->early_drop.value_or(0);
  }
  return seen;
}

SeenLimits see_limits(Snapshot& snapshot) {
  SeenLimits limits;
  limits.time_wait_limit = read_number(snapshot, "sys/net/ipv4/tcp_max_tw_buckets");
  limits.orphans_limit = read_number(snapshot, "sys/net/ipv4/tcp_max_orphans");
  if (const auto& text = snapshot.proc(snapshot.host(), "net/sockstat")) {
    if (const auto values = parse_sockstat(*text)) {
      const auto orphans = find_sockstat(*values, "TCP", "orphan");
      if (orphans && *orphans >= 0) limits.orphans = static_cast<std::uint64_t>(*orphans);
    }
  }
  const auto& text = snapshot.proc(snapshot.host(), "net/netstat");
  if (!text) return limits;
  const auto values = parse_netstat(*text, [](std::string_view protocol, std::string_view name) {
    return protocol == "TcpExt" && (name == "ListenOverflows" || name == "ListenDrops");
  });
  if (!values) return limits;
  for (const NetstatValue& value : *values) {
    auto& field = value.name == "ListenDrops" ? limits.listen_drops : limits.listen_overflows;
    field = static_cast<std::uint64_t>(value.value);
  }
  return limits;
}

// What the kernel does not have is left out.
std::vector<SeenSysctl> see_sysctls(Snapshot& snapshot) {
  std::vector<SeenSysctl> seen;
  for (const std::string_view name : kSysctls) {
    std::string path = fmt::format("sys/{}", name);
    std::replace(path.begin(), path.end(), '.', '/');
    const auto& text = snapshot.proc(snapshot.host(), path);
    if (!text) continue;
    std::string value(trim(*text));
    std::replace(value.begin(), value.end(), '\t', ' ');
    seen.push_back({std::string(name), printable(value)});
  }
  return seen;
}

}  // namespace

std::uint64_t open_connections(const StateCounts& states) {
  return std::uint64_t{count_of(states, TcpState::established)} +
         count_of(states, TcpState::syn_sent) + count_of(states, TcpState::close_wait);
}

std::string to_string(const ProcessName& process) {
  return process.is_known() ? fmt::format("{} (pid {})", process.comm, process.pid)
                            : "an unknown process";
}

int SeenListener::used_percent() const {
  if (limit == kQueueLimitUnknown) return 0;
  return whole_percent(waiting, std::uint64_t{limit} + 1);
}

std::uint64_t SeenProcess::sockets() const {
  return std::accumulate(tcp.begin(), tcp.end(), udp);
}

int SeenProcess::fds_percent() const {
  if (!fds_limit || *fds_limit == kUnlimited) return 0;
  return whole_percent(open_fds, *fds_limit);
}

int SeenSockets::used_percent() const {
  return whole_percent(tcp_ports.used, total_ports() - reserved);
}

int SeenSockets::used_percent(const TupleUse& use) const {
  return whole_percent(use.ports_used, tcp_ports.usable);
}

std::string_view Inspection::sysctl(std::string_view name) const {
  for (const SeenSysctl& one : sysctls) {
    if (one.name == name) return one.value;
  }
  return {};
}

Inspection inspect(Kernel& kernel, Snapshot& snapshot, const Needs& needs) {
  Inspection seen;
  Owners owners;
  if (needs.sockets || needs.descriptors) {
    auto read = kernel.socket_owners(snapshot.deadline());
    if (read) {
      owners = std::move(*read);
      seen.unreadable_processes = owners.unreadable();
    } else {
      seen.owners_error = read.error();
    }
  }
  if (needs.sockets) seen.sockets = see_sockets(kernel, snapshot, owners);
  if (needs.descriptors) {
    seen.descriptors = seen.owners_error ? Result<SeenDescriptors>(*seen.owners_error)
                                         : see_descriptors(snapshot, owners);
  }
  if (needs.conntrack) seen.conntrack = see_conntrack(snapshot);
  if (needs.settings) {
    seen.limits = see_limits(snapshot);
    seen.sysctls = see_sysctls(snapshot);
  }
  return seen;
}

}  // namespace socket_exporter
