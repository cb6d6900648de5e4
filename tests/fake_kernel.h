#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/kernel/kernel.h"

namespace socket_exporter {

/// Holds a scan until the test lets it go, in place of a slow kernel. Give one to
/// FakeKernel::gate. Any thread.
class Gate {
 public:
  /// For the test: waits until a scan has arrived; false when none does.
  bool wait_for_scan() {
    return wait([this] { return arrived_ > 0; });
  }
  /// For the test: this scan and all later ones go on.
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// For the kernel; false when nobody opened the gate.
  bool pass() {
    {
      const std::scoped_lock lock(mutex_);
      ++arrived_;
      changed_.notify_all();
    }
    return wait([this] { return open_; });
  }

 private:
  template <typename Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), condition);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

/// A kernel made of values. Records what was asked, so that a test can say
/// "read once" as well as "read right".
class FakeKernel : public Kernel {
 public:
  using Files = std::map<std::string, std::string, std::less<>>;

  std::vector<NetNs> netns{{1, "host"}};
  std::vector<Socket> sockets;                 ///< of all namespaces
  Files proc_files;                            ///< of all namespaces
  std::map<std::string, Files> netns_files;    ///< of one namespace, by its name; these go first
  std::map<std::string, Error> proc_errors;    ///< paths that answer with an error
  std::map<std::string, std::size_t> entries;  ///< of directories below /proc
  std::map<std::uint32_t, std::uint32_t> netns_of_pid;  ///< inodes, for netns_of()
  std::map<std::uint32_t, ProcessStat> process_stats;   ///< by pid
  std::vector<Feature> feature_list;
  std::optional<Error> scan_error;    ///< the scan ends with it after half of the sockets
  int interrupted_scans = 0;          ///< so many scans are interrupted
  std::vector<std::uint32_t> unread;  ///< namespaces that may not be looked into
  std::uint64_t unread_ports = 0;     ///< with more sockets than were looked at
  Result<Owners> owners = Owners{};
  Result<ConnectCounts> connect_counts = ConnectCounts{};
  Result<BindCounts> bind_counts = BindCounts{};
  Result<WebsocketCounts> websocket_counts = WebsocketCounts{};
  Result<WebsocketEnds> websocket_ends_counted = Error{Error::Kind::unavailable, "followed"};
  std::vector<WebsocketPorts> followed;                  ///< what follow_websockets() was told
  std::map<std::uint64_t, Workload> workload_of_cgroup;  ///< for both *_workload()
  std::vector<ConnectKey> forgotten;                     ///< what forget_connects() was asked to
  DestinationSet wanted_owners;                          ///< what a scrape asked for last
  std::size_t batch_size = 2;                            ///< sockets a batch
  Gate* gate = nullptr;                                  ///< scans wait here

  std::vector<std::string> files_read;  ///< "host:net/snmp", in order
  std::atomic<int> scans{0};
  int owner_walks = 0;

  Result<std::vector<NetNs>> namespaces() override { return netns; }
  Result<NetNs> own_namespace() override {
    const auto all = namespaces();
    if (!all) return all.error();
    return all->front();
  }

  Result<std::uint32_t> netns_of(std::uint32_t pid) override {
    if (const auto it = netns_of_pid.find(pid); it != netns_of_pid.end()) return it->second;
    return Error{Error::Kind::unavailable, "stat /proc/" + std::to_string(pid) + "/ns/net"};
  }

  Result<ProcessStat> process_stat(std::uint32_t pid) override {
    if (const auto it = process_stats.find(pid); it != process_stats.end()) return it->second;
    return Error{Error::Kind::unavailable, "open /proc/" + std::to_string(pid) + "/stat"};
  }

  Result<std::string> read_proc(const NetNs& ns, std::string_view path) override {
    files_read.push_back(ns.name + ":" + std::string(path));
    if (const auto it = proc_errors.find(std::string(path)); it != proc_errors.end()) {
      return it->second;
    }
    for (const Files* files : {&netns_files[ns.name], &proc_files}) {
      if (const auto it = files->find(path); it != files->end()) return it->second;
    }
    return Error{Error::Kind::unavailable, std::string(path)};
  }

  Result<std::size_t> count_proc_entries(std::string_view path) override {
    const auto it = entries.find(std::string(path));
    if (it == entries.end()) return Error{Error::Kind::unavailable, std::string(path)};
    return it->second;
  }

  Result<ScanStats> scan_sockets(std::span<const NetNs> namespaces, Detail /*detail*/,
                                 Deadline /*deadline*/, const SocketSink& sink) override {
    ++scans;
    if (gate != nullptr && !gate->pass()) return Error{Error::Kind::timeout, "gate never opened"};
    std::vector<Socket> found;
    for (const NetNs& ns : namespaces) add_sockets_of(ns, found);
    if (scan_error) found.resize(found.size() / 2);
    for (std::span<const Socket> rest = found; !rest.empty();) {
      const auto batch = rest.first(std::min(batch_size, rest.size()));
      sink(batch);
      rest = rest.subspan(batch.size());
    }
    if (scan_error) return *scan_error;
    ScanStats stats;
    stats.sockets = found.size();
    stats.unread = unread;
    stats.unread_ports = unread_ports;
    stats.interrupted = interrupted_scans > 0;
    if (stats.interrupted) --interrupted_scans;
    return stats;
  }

  Result<Owners> socket_owners(Deadline /*deadline*/) override {
    ++owner_walks;
    return owners;
  }

  const Result<Owners>& scrape_owners(const DestinationSet& wanted,
                                      Deadline /*deadline*/) override {
    ++owner_walks;
    wanted_owners = wanted;
    return owners;
  }
  bool counts_owners() const override { return owners && owners->counts().has_value(); }

  Result<ConnectCounts> connects() override { return connect_counts; }
  ConnectCounts forget_connects(const IdleConnects& idle) override {
    forgotten.insert(forgotten.end(), idle.keys.begin(), idle.keys.end());
    ConnectCounts last;
    if (!connect_counts) return last;
    std::erase_if(connect_counts->connects, [&](const ConnectRecord& record) {
      const bool goes =
          std::find(idle.keys.begin(), idle.keys.end(), record.key) != idle.keys.end();
      if (goes) last.connects.push_back(record);
      return goes;
    });
    return last;
  }
  Result<BindCounts> binds() override { return bind_counts; }
  std::vector<BindRecord> forget_binds(std::span<const BindKey> /*idle*/) override { return {}; }
  void follow_websockets(const WebsocketPorts& ports) override { followed.push_back(ports); }
  Result<WebsocketCounts> websockets() override { return websocket_counts; }
  Result<WebsocketEnds> websocket_ends() override { return websocket_ends_counted; }
  std::vector<WebsocketRecord> forget_websockets(std::span<const WebsocketKey> /*idle*/) override {
    return {};
  }
  Workload websocket_workload(std::uint64_t cgroup) override { return workload_of_cgroup[cgroup]; }
  Workload connect_workload(std::uint32_t /*pid*/, std::uint64_t cgroup) override {
    return workload_of_cgroup[cgroup];
  }

  std::vector<Feature> features() const override { return feature_list; }

 private:
  // Listeners first, as the interface promises.
  void add_sockets_of(const NetNs& ns, std::vector<Socket>& found) const {
    const auto begin = static_cast<std::ptrdiff_t>(found.size());
    std::copy_if(sockets.begin(), sockets.end(), std::back_inserter(found),
                 [&](const Socket& s) { return s.netns == ns.inode; });
    std::stable_partition(found.begin() + begin, found.end(), [](const Socket& s) {
      return s.protocol == Protocol::tcp && s.state == TcpState::listen;
    });
    if (ns.shown) return;
    std::for_each(found.begin() + begin, found.end(), [](Socket& s) { s.netns = kOtherNetns; });
  }
};

}  // namespace socket_exporter
