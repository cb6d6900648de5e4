#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/owners.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

using Deadline = std::chrono::steady_clock::time_point;

/// A network namespace and the labels it has in metrics.
struct NetNs {
  std::uint32_t inode = 0;
  std::string name;  ///< label `netns`; "host" is the exporter's own
};

/// Something this host may or may not offer, decided once at start.
struct Feature {
  std::string name;
  bool on = false;
  std::string reason;  ///< why not, or what is used instead; empty when all is well
};

/// What one pass over the sockets of a namespace met.
struct ScanStats {
  std::uint64_t sockets = 0;
  bool interrupted = false;  ///< the table changed meanwhile (NLM_F_DUMP_INTR): begin anew
};

/// What the reader of a scan needs to know about each socket.
enum class Detail {
  connections,  ///< as `counts`, but without the sockets that only called bind()
  counts,       ///< all but `inode`, which may be 0
  owners,       ///< `inode` too; several times dearer on a host with many sockets
};

using SocketSink = std::function<void(std::span<const Socket>)>;

/// The only door to the operating system during a scrape. LinuxKernel is the
/// real one; tests use values. One thread at a time.
class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual Result<std::vector<NetNs>> namespaces() = 0;

  /// A file below the procfs root ("net/snmp", "sys/net/ipv4/tcp_tw_reuse"),
  /// as a process of that namespace reads it.
  virtual Result<std::string> read_proc(const NetNs& ns, std::string_view path) = 0;

  /// How many entries a directory below the procfs root has, "." and ".." aside.
  virtual Result<std::size_t> count_proc_entries(std::string_view path) = 0;

  /// Hands over all TCP and UDP sockets in batches, each once, TCP listeners first.
  /// After an error or an interrupted pass the sink may have seen only a part.
  virtual Result<ScanStats> scan_sockets(const NetNs& ns, Detail detail, Deadline deadline,
                                         const SocketSink& sink) = 0;

  /// Which process holds which socket, of all namespaces: a walk over all descriptors.
  virtual Result<Owners> socket_owners(Deadline deadline) = 0;

  virtual std::vector<Feature> features() const = 0;
};

}  // namespace socket_exporter
