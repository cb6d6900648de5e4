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
#include "exporter/diagnosis/census_pass.h"
#include "exporter/diagnosis/socket_census.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

/// Fullest processes kept: more than a screen has room for.
constexpr std::size_t kProcesses = 10;

/// What decides about ports and queues, in the order of the report.
constexpr std::string_view kSysctls[] = {
    "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_tw_reuse",        "net.ipv4.tcp_fin_timeout",
    "net.core.somaxconn",           "net.ipv4.tcp_max_tw_buckets",
};

/// Every namespace has this file, and eBPF does not tell what is in it: whether one like it is
/// missing or only out of reach.
constexpr std::string_view kAlwaysThere = "sys/net/ipv4/ip_default_ttl";

std::optional<std::uint64_t> read_number(Snapshot& snapshot, const NetNs& ns,
                                         std::string_view path) {
  const auto value = snapshot.sysctl(ns, path);
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

// Of several namespaces the host answers for processes that no other is known to have.
bool is_at_home(const Process& process, const NetNs& ns, const Snapshot& snapshot, bool is_only) {
  if (!snapshot.is_host(ns)) return process.netns == ns.inode;
  return is_only || process.netns == 0 || process.netns == ns.inode;
}

std::string netns_name(const Snapshot& snapshot, std::uint32_t inode) {
  for (const NetNs& ns : snapshot.scanned_namespaces()) {
    if (ns.inode == inode) return printable(ns.name);
  }
  return fmt::format("net:[{}]", inode);
}

Result<SeenDescriptors> see_descriptors(Snapshot& snapshot, const NetNs& ns, const Owners& owners,
                                        bool is_only) {
  const auto& text = snapshot.proc(snapshot.host(), "sys/fs/file-nr");
  if (!text) return text.error();
  const auto files = parse_file_nr(*text);
  if (!files) return files.error();
  SeenDescriptors seen;
  seen.open = files->open;
  seen.limit = files->limit;
  seen.unreadable = owners.unreadable();
  for (std::size_t i = 0; i < owners.processes().size(); ++i) {
    const Process& found = owners.processes()[i];
    if (!is_at_home(found, ns, snapshot, is_only)) continue;
    SeenProcess process;
    process.process = name_of(owners, i);
    process.open_fds = found.open_fds;
    process.fds_limit = found.fds_limit;
    if (found.netns != 0 && found.netns != ns.inode)
      process.netns = netns_name(snapshot, found.netns);
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

Result<SeenConntrack> read_conntrack(Snapshot& snapshot, const NetNs& ns) {
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

// Without it "unavailable" would mean that nothing is tracked there.
void see_conntrack(Snapshot& snapshot, Inspection& seen) {
  seen.conntrack = read_conntrack(snapshot, seen.ns);
  if (seen.conntrack || seen.is_own) return;
  const auto& probe = snapshot.proc(seen.ns, kAlwaysThere);
  if (probe) return;
  seen.conntrack = Error{Error::Kind::denied, probe.error().what};
  seen.gaps.add("connection tracking", probe.error());
}

void see_overflows(Snapshot& snapshot, Inspection& seen) {
  const auto& text = snapshot.proc(seen.ns, "net/netstat");
  if (!text) {
    if (!seen.is_own) seen.gaps.add("overflows of accept queues", text.error());
    return;
  }
  const auto values = parse_netstat(*text, [](std::string_view protocol, std::string_view name) {
    return protocol == "TcpExt" && (name == "ListenOverflows" || name == "ListenDrops");
  });
  if (!values) return;
  for (const NetstatValue& value : *values) {
    SeenLimits& limits = seen.limits;
    auto& field = value.name == "ListenDrops" ? limits.listen_drops : limits.listen_overflows;
    field = static_cast<std::uint64_t>(value.value);
  }
}

void see_limits(Snapshot& snapshot, Inspection& seen) {
  SeenLimits& limits = seen.limits;
  limits.time_wait_limit = read_number(snapshot, seen.ns, "sys/net/ipv4/tcp_max_tw_buckets");
  limits.orphans_limit = read_number(snapshot, seen.ns, "sys/net/ipv4/tcp_max_orphans");
  if (const auto& text = snapshot.proc(seen.ns, "net/sockstat")) {
    if (const auto values = parse_sockstat(*text)) {
      const auto orphans = find_sockstat(*values, "TCP", "orphan");
      if (orphans && *orphans >= 0) limits.orphans = static_cast<std::uint64_t>(*orphans);
    }
  }
}

// What the kernel does not have is left out.
void see_sysctls(Snapshot& snapshot, Inspection& seen) {
  std::optional<Error> unread;
  for (const std::string_view name : kSysctls) {
    std::string path = fmt::format("sys/{}", name);
    std::replace(path.begin(), path.end(), '.', '/');
    const auto& text = snapshot.proc(seen.ns, path);
    if (!text) {
      if (!unread) unread = text.error();
      continue;
    }
    std::string value(trim(*text));
    std::replace(value.begin(), value.end(), '\t', ' ');
    seen.sysctls.push_back({std::string(name), printable(value)});
  }
  if (unread && !seen.is_own) seen.gaps.add("sysctls", *unread);
}

// A process may hold sockets of a namespace in which it is not.
std::uint32_t process_inside(Kernel& kernel, const NetNs& ns, const SeenSockets& sockets) {
  for (const SeenProcess& one : sockets.processes) {
    const auto inode = kernel.netns_of(one.process.pid);
    if (inode && *inode == ns.inode) return one.process.pid;
  }
  return 0;
}

// All but the sockets and who is inside.
void see_rest(Snapshot& snapshot, const Result<Owners>& owners, const Needs& needs, bool is_only,
              Inspection& seen) {
  if (needs.descriptors) {
    seen.descriptors = owners ? see_descriptors(snapshot, seen.ns, *owners, is_only)
                              : Result<SeenDescriptors>(owners.error());
  }
  if (needs.conntrack) see_conntrack(snapshot, seen);
  if (!needs.settings) return;
  see_limits(snapshot, seen);
  see_overflows(snapshot, seen);
  see_sysctls(snapshot, seen);
}

// A namespace that ended while it was looked at is no trouble to report.
void drop_ended(Kernel& kernel, std::vector<Inspection>& all, const Needs& needs) {
  const auto is_whole = [&](const Inspection& seen) {
    return (!needs.sockets || seen.sockets) && seen.gaps.parts.empty();
  };
  if (std::all_of(all.begin(), all.end(), is_whole)) return;
  const auto now = kernel.namespaces();
  if (!now) return;
  std::erase_if(all, [&](const Inspection& seen) {
    return !is_whole(seen) && std::none_of(now->begin(), now->end(), [&](const NetNs& ns) {
      return ns.inode == seen.ns.inode && ns.cookie == seen.ns.cookie;
    });
  });
}

}  // namespace

std::uint64_t open_connections(const StateCounts& states) {
  return std::uint64_t{count_of(states, TcpState::established)} +
         count_of(states, TcpState::syn_sent) + count_of(states, TcpState::close_wait);
}

std::string to_string(const SeenProcess& process) {
  const std::string name = to_string(process.process);
  return process.netns.empty() ? name
                               : fmt::format("{} in network namespace {}", name, process.netns);
}

void SeenGaps::add(std::string_view part, const Error& error) {
  if (parts.empty()) why = printable(error.what);
  parts.emplace_back(part);
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
  return whole_percent(tcp_ports.used, unreserved_ports());
}

int SeenSockets::udp_percent() const {
  return whole_percent(udp_ports.used, udp_ports.usable);
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

std::vector<Inspection> inspect(Kernel& kernel, Snapshot& snapshot,
                                std::span<const NetNs> namespaces, const Needs& needs) {
  Result<Owners> owners = Owners{};
  if (needs.sockets || needs.descriptors) owners = kernel.socket_owners(snapshot.deadline());
  std::vector<Result<SeenSockets>> sockets;
  const Owners nobody;
  if (needs.sockets) {
    sockets = see_sockets(kernel, snapshot, namespaces, owners ? *owners : nobody);
  }

  std::vector<Inspection> all;
  for (const NetNs& ns : namespaces) {
    Inspection seen;
    seen.ns = ns;
    seen.is_own = snapshot.is_host(ns);
    if (owners) {
      seen.unreadable_processes = owners->unreadable();
    } else {
      seen.owners_error = owners.error();
    }
    if (needs.sockets) seen.sockets = std::move(sockets[all.size()]);
    if (seen.sockets && !seen.is_own) seen.inside_pid = process_inside(kernel, ns, *seen.sockets);
    see_rest(snapshot, owners, needs, namespaces.size() == 1, seen);
    all.push_back(std::move(seen));
  }
  if (all.size() > 1) drop_ended(kernel, all, needs);
  return all;
}

}  // namespace socket_exporter
