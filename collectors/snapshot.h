#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/history.h"
#include "collectors/kernel/kernel.h"
#include "collectors/options.h"
#include "collectors/services.h"

namespace socket_exporter {

/// What one scrape has read. Every file is read at most once, on first use, and
/// shared by all collectors of that scrape. Gather thread only.
class Snapshot {
 public:
  Snapshot(Kernel& kernel, std::vector<NetNs> namespaces, Deadline deadline,
           const CollectorOptions& options, const ServiceMap& services, History& history);

  /// Those with metrics of their own, and one for the rest where there are more than options say.
  const std::vector<NetNs>& namespaces() const { return namespaces_; }
  /// All of them, for the scan.
  const std::vector<NetNs>& scanned_namespaces() const { return scanned_; }
  /// The exporter's own namespace: the first.
  const NetNs& host() const { return namespaces_.front(); }
  bool is_host(const NetNs& ns) const { return ns.inode == host().inode; }
  std::string_view name_of(std::uint32_t netns) const;
  Deadline started() const { return started_; }
  Deadline deadline() const { return deadline_; }
  const CollectorOptions& options() const { return options_; }
  const ServiceMap& services() const { return services_; }
  History& history() { return history_; }

  /// Asks for the owner of a destination, before the first owners(); false: of too many.
  bool want_owner(const DestinationKey& destination);
  /// Those that are shown: asked for until now.
  const DestinationSet& wanted() const { return wanted_; }

  /// Who holds sockets: Kernel::scrape_owners, with the destinations asked for until now.
  const Result<Owners>& owners();

  /// Whether owners() has counted the sockets; otherwise match them by inode.
  bool owners_are_counted() const { return kernel_.counts_owners(); }

  /// As Kernel::connects; not kept, as one collector takes all.
  Result<ConnectCounts> connects() { return kernel_.connects(); }
  ConnectCounts forget_connects(const IdleConnects& idle) { return kernel_.forget_connects(idle); }
  /// As Kernel::binds; not kept either.
  Result<BindCounts> binds() { return kernel_.binds(); }
  std::vector<BindRecord> forget_binds(std::span<const BindKey> idle) {
    return kernel_.forget_binds(idle);
  }
  /// As Kernel::websockets; not kept either.
  Result<WebsocketCounts> websockets() { return kernel_.websockets(); }
  Result<WebsocketEnds> websocket_ends() { return kernel_.websocket_ends(); }
  std::vector<WebsocketRecord> forget_websockets(std::span<const WebsocketKey> idle) {
    return kernel_.forget_websockets(idle);
  }
  /// As Kernel::process_stat; not kept either.
  Result<ProcessStat> process_stat(std::uint32_t pid) { return kernel_.process_stat(pid); }
  Workload websocket_workload(std::uint64_t cgroup) { return kernel_.websocket_workload(cgroup); }
  Workload connect_workload(std::uint32_t pid, std::uint64_t cgroup) {
    return kernel_.connect_workload(pid, cgroup);
  }

  /// From here on without these: what is not known of a namespace is not zero. Before any emit().
  void leave_out(std::span<const std::uint32_t> inodes);

  /// Text of a file below /proc, such as "net/snmp", in that namespace.
  const Result<std::string>& proc(const NetNs& ns, std::string_view path);

  /// Whether the operator's expression picks a netstat field, such as "TcpExt", "ListenDrops".
  bool wants_netstat(std::string_view protocol, std::string_view name);

  /// The number in a /proc/sys file, such as "sys/net/ipv4/tcp_tw_reuse".
  Result<std::int64_t> sysctl(const NetNs& ns, std::string_view path);

 private:
  Kernel& kernel_;
  std::vector<NetNs> scanned_;
  std::vector<NetNs> namespaces_;
  Deadline started_ = std::chrono::steady_clock::now();
  Deadline deadline_;
  const CollectorOptions& options_;
  const ServiceMap& services_;
  History& history_;
  DestinationSet wanted_;
  const Result<Owners>* owners_ = nullptr;  ///< the kernel's
  std::map<std::pair<std::uint32_t, std::string>, Result<std::string>, std::less<>> texts_;
};

}  // namespace socket_exporter
