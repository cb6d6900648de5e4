#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/netns_record.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// Whose sockets a walk hands over; it passes by the others.
struct WalkFilter {
  static constexpr std::uint32_t kAll = 0;
  static constexpr std::uint32_t kNone = ~0U;  ///< only to count

  std::uint32_t netns = kAll;  ///< inode of the only namespace
  bool inodes = false;         ///< of established and UDP sockets too; listeners always have them
};

/// What one walk met, in all network namespaces.
struct WalkStats {
  std::uint64_t sockets = 0;       ///< a few more where chains were read anew
  std::uint64_t restarts = 0;      ///< chains read anew because they changed meanwhile
  std::uint64_t unread_ports = 0;  ///< with more sockets than were looked at
};

/// Reads the kernel's hash tables of sockets by eBPF programs, those of all network namespaces in
/// one pass, at a third of the cost of inet_diag. One thread at a time.
class SocketWalk {
 public:
  using Sink = std::function<void(std::span<Socket>)>;
  using PortSink = std::function<void(std::uint32_t netns, std::uint16_t port)>;

  /// `denied` without the privilege, `unavailable` on an old kernel or in a build without eBPF.
  static Result<SocketWalk> open();

  SocketWalk(SocketWalk&&) noexcept;
  SocketWalk& operator=(SocketWalk&&) noexcept;
  ~SocketWalk();

  /// The sockets of a table: UDP, or TCP but listeners and those that only called bind().
  Result<WalkStats> sockets(const SocketTable& table, const WalkFilter& filter, Deadline deadline,
                            const Sink& sink);
  Result<WalkStats> listeners(const WalkFilter& filter, Deadline deadline, const Sink& sink);
  /// TCP ports that bind() or listen() holds, so that connect() takes none of them; with a sink,
  /// the sockets that only called bind() besides (since Linux 6.8), among 8,192 of a port.
  Result<WalkStats> bound(const WalkFilter& filter, Deadline deadline, const PortSink& ports,
                          const Sink* sockets);

 private:
  class Programs;
  explicit SocketWalk(std::unique_ptr<Programs> programs);

  std::unique_ptr<Programs> programs_;
};

}  // namespace socket_exporter
