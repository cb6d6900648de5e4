#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/bind_counts.h"
#include "collectors/kernel/connect_counts.h"
#include "collectors/kernel/owners.h"
#include "collectors/kernel/process.h"
#include "collectors/kernel/socket.h"
#include "collectors/kernel/websocket_counts.h"
#include "collectors/kernel/workload.h"

namespace socket_exporter {

using Deadline = std::chrono::steady_clock::time_point;

/// Stands for all namespaces beyond the limit; no real one has this inode.
inline constexpr std::uint32_t kOtherNetns = ~0U;

/// A network namespace and the labels it has in metrics.
struct NetNs {
  std::uint32_t inode = 0;
  std::string name;          ///< label `netns`; "host" is the exporter's own
  std::uint64_t cookie = 0;  ///< unlike inodes never used again; 0: not known
  Workload workload{};
  bool shown = true;  ///< else its sockets are handed over as those of kOtherNetns

  bool is_other() const { return inode == kOtherNetns; }
};

/// Something this host may or may not offer, found out at start. It may fail later, and come back.
struct Feature {
  std::string name;
  bool on = false;
  std::string reason;  ///< why not, or what is used instead; empty when all is well
  bool operator==(const Feature&) const = default;
};

/// What one pass over the sockets met.
struct ScanStats {
  std::uint64_t sockets = 0;
  std::uint64_t restarts = 0;  ///< chains of a table that were read anew: they changed meanwhile
  std::uint64_t unread_ports = 0;     ///< some sockets that only called bind() may be missing there
  bool interrupted = false;           ///< the whole table changed (NLM_F_DUMP_INTR): begin anew
  std::vector<std::uint32_t> unread;  ///< inodes of namespaces that may not be looked into
};

/// What the reader of a scan needs to know about each socket.
enum class Detail {
  connections,  ///< as `counts`, but without the sockets that only called bind()
  counts,       ///< all but `inode`, which may be 0 unless the socket listens
  owners,       ///< `inode` too
};

using SocketSink = std::function<void(std::span<const Socket>)>;

/// The only door to the operating system during a scrape. LinuxKernel is the
/// real one; tests use values. One thread at a time.
class Kernel {
 public:
  virtual ~Kernel() = default;

  /// All of the host, the exporter's own first.
  virtual Result<std::vector<NetNs>> namespaces() = 0;
  /// The first of them, at less cost.
  virtual Result<NetNs> own_namespace() = 0;

  /// Inode of the network namespace that a process is in.
  virtual Result<std::uint32_t> netns_of(std::uint32_t pid) = 0;

  /// CPU time and memory of a process; `unavailable` where it has ended.
  virtual Result<ProcessStat> process_stat(std::uint32_t pid) = 0;

  /// A file below the procfs root ("net/snmp", "sys/net/ipv4/tcp_tw_reuse"),
  /// as a process of that namespace reads it.
  virtual Result<std::string> read_proc(const NetNs& ns, std::string_view path) = 0;

  /// How many entries a directory below the procfs root has, "." and ".." aside.
  virtual Result<std::size_t> count_proc_entries(std::string_view path) = 0;

  /// Hands over all TCP and UDP sockets of these namespaces in batches, each once, TCP listeners
  /// of a namespace before its other sockets. After an error or an interrupted pass the sink may
  /// have seen only a part.
  virtual Result<ScanStats> scan_sockets(std::span<const NetNs> namespaces, Detail detail,
                                         Deadline deadline, const SocketSink& sink) = 0;

  /// Which process holds which socket, of all namespaces: a walk over all descriptors.
  virtual Result<Owners> socket_owners(Deadline deadline) = 0;

  /// The same for every scrape: where counts_owners(), sockets are counted already, and of each
  /// destination that is asked for the process with the most. A dear answer may be a minute old;
  /// it is valid until the next call.
  virtual const Result<Owners>& scrape_owners(const DestinationSet& wanted, Deadline deadline) = 0;
  virtual bool counts_owners() const = 0;

  /// What outgoing TCP connections came to; `unavailable` where they are not followed.
  virtual Result<ConnectCounts> connects() = 0;
  /// As ConnectTracker::forget; nothing where they are not followed.
  virtual ConnectCounts forget_connects(const IdleConnects& idle) = 0;
  /// The pod or container that a process of a ConnectRecord was in; empty: none, or not known.
  virtual Workload connect_workload(std::uint32_t pid, std::uint64_t cgroup) = 0;

  /// Sockets that got no local port; `unavailable` where these are not counted.
  virtual Result<BindCounts> binds() = 0;
  /// As BindTracker::forget; nothing where they are not counted.
  virtual std::vector<BindRecord> forget_binds(std::span<const BindKey> idle) = 0;

  /// From here on WebSockets are looked for at these ports, and at no others.
  virtual void follow_websockets(const WebsocketPorts& ports) = 0;
  /// What WebSocket connections came to; `unavailable` where they are not followed.
  virtual Result<WebsocketCounts> websockets() = 0;
  /// What is counted where they are not; `unavailable` where they are.
  virtual Result<WebsocketEnds> websocket_ends() = 0;
  /// As WebsocketTracker::forget; nothing where they are not followed.
  virtual std::vector<WebsocketRecord> forget_websockets(std::span<const WebsocketKey> idle) = 0;
  /// The pod or container of a WebsocketRecord's cgroup; empty: none, or not known.
  virtual Workload websocket_workload(std::uint64_t cgroup) = 0;

  virtual std::vector<Feature> features() const = 0;
};

}  // namespace socket_exporter
