#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collectors/kernel/connect_tracker.h"
#include "collectors/kernel/diag_scan.h"
#include "collectors/kernel/followed_binds.h"
#include "collectors/kernel/followed_searches.h"
#include "collectors/kernel/followed_tls.h"
#include "collectors/kernel/followed_websockets.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/listed_netns.h"
#include "collectors/kernel/netns_finder.h"
#include "collectors/kernel/owner_scan.h"
#include "collectors/kernel/proc_file.h"
#include "collectors/kernel/walk_scan.h"
#include "collectors/kernel/workloads.h"

namespace socket_exporter {

/// Where the running kernel shows itself.
struct KernelPaths {
  std::string procfs = "/proc";
  std::string run_netns = "/run/netns";    ///< named namespaces, as `ip netns` makes them
  std::string pod_logs = "/var/log/pods";  ///< its folders name the pods of this host
};

/// What is followed from the start on, where this host lets it: features() tells.
struct Followed {
  bool connects = false;                       ///< outgoing connections
  bool responses = false;                      ///< with them, how long their peers take to answer
  bool binds = false;                          ///< sockets that get no local port
  bool system_calls = false;                   ///< for that, in spite of their cost
  std::optional<WebsocketPorts> websockets{};  ///< WebSocket connections
};

/// The running kernel, through procfs, NETLINK_SOCK_DIAG and eBPF. What it offers is found
/// out by the constructor; where netlink is refused /proc/net is read instead.
class LinuxKernel final : public Kernel {
 public:
  explicit LinuxKernel(KernelPaths paths, Followed followed = {});
  LinuxKernel(const LinuxKernel&) = delete;
  LinuxKernel& operator=(const LinuxKernel&) = delete;

  Result<std::vector<NetNs>> namespaces() override;
  Result<NetNs> own_namespace() override;
  Result<std::uint32_t> netns_of(std::uint32_t pid) override;
  Result<ProcessStat> process_stat(std::uint32_t pid) override;
  Result<std::string> read_proc(const NetNs& ns, std::string_view path) override;
  Result<std::size_t> count_proc_entries(std::string_view path) override;
  Result<ScanStats> scan_sockets(std::span<const NetNs> namespaces, Detail detail,
                                 Deadline deadline, const SocketSink& sink) override;
  Result<Owners> socket_owners(Deadline deadline) override;
  const Result<Owners>& scrape_owners(const DestinationSet& wanted, Deadline deadline) override;
  bool counts_owners() const override { return owner_scan_.counts(); }
  Result<ConnectCounts> connects() override;
  ConnectCounts forget_connects(const IdleConnects& idle) override;
  Result<BindCounts> binds() override;
  std::vector<BindRecord> forget_binds(std::span<const BindKey> idle) override;
  void follow_websockets(const WebsocketPorts& ports) override;
  Result<WebsocketCounts> websockets() override;
  Result<WebsocketEnds> websocket_ends() override;
  std::vector<WebsocketRecord> forget_websockets(std::span<const WebsocketKey> idle) override;
  Workload websocket_workload(std::uint64_t cgroup) override;
  Workload connect_workload(std::uint32_t pid, std::uint64_t cgroup) override;
  std::vector<Feature> features() const override;

 private:
  /// A namespace and what is kept open for it.
  struct Place {
    FoundNetns found;
    bool is_own = false;
    std::optional<DiagScan> diag;
  };

  void probe_diag();
  void probe_walk();
  void follow_connects(bool with_responses);
  Place* place_of(const NetNs& ns);
  std::string procfs_of(const Place& place) const;
  std::vector<SocketTable> other_tables() const;
  bool still_there(std::span<const SocketTable> tables);
  Result<> scan(std::span<const NetNs> namespaces, Detail detail, Deadline deadline,
                ScanPass& pass);
  void give_walk_a_rest(const std::string& reason);
  Result<> scan_few(Place& own, Detail detail, Deadline deadline, ScanPass& pass);
  Result<> scan_by_walk(std::span<const NetNs> namespaces, Detail detail, Deadline deadline,
                        ScanPass& pass);
  Result<> scan_one(Place& place, Detail detail, Deadline deadline, ScanPass& pass);
  DiagScan& diag_of(Place& place);
  Result<> scan_by_diag(Place& place, Detail detail, Deadline deadline, ScanPass& pass);
  bool has_sockets(const Place& place, Detail detail) const;
  Result<std::string> read_inside(const Place& place, std::string_view path) const;

  KernelPaths paths_;
  NetnsFinder finder_;
  ListedNetns listed_;
  KeptFiles own_files_;
  std::map<std::uint32_t, Place> places_;  ///< by inode, as of the last namespaces()
  std::vector<Feature> diag_features_;
  DiagOffer diag_offer_;
  bool dumps_few_ = true;  ///< beside the walks, inet_diag is asked where there is little
  std::optional<WalkScan> walk_;
  Deadline walk_again_{};  ///< not before: it has failed
  Feature walk_feature_{"socket_walk", false, ""};
  Workloads workloads_;
  OwnerScan owner_scan_;
  std::optional<ConnectTracker> connects_;
  std::vector<Feature> connect_features_;     ///< once they were tried
  std::optional<FollowedSearches> searches_;  ///< beside connects_
  std::optional<FollowedBinds> binds_;
  std::optional<FollowedWebsockets> websockets_;
  std::optional<FollowedTls> tls_;  ///< beside websockets_
  bool shows_first_pids_ = false;   ///< procfs numbers processes as the first namespace
};

}  // namespace socket_exporter
