#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// How many chains of the hash table are followed at once.
enum class WalkLanes { one, eight };

/// What one walk met, in all network namespaces.
struct WalkStats {
  std::uint64_t sockets = 0;
  std::uint64_t buckets = 0;
  std::uint64_t restarts = 0;  ///< chains read anew because they changed meanwhile
};

/// The faster way for a table like the one last seen.
WalkLanes lanes_for(const WalkStats& last);

/// Reads the kernel's hash table of TCP sockets by an eBPF program, at a third of the cost of
/// inet_diag. Listeners and bound-only sockets are in other tables. One thread at a time.
class TcpWalk {
 public:
  using Sink = std::function<void(std::span<Socket>)>;

  /// `denied` without the privilege, `unavailable` on an old kernel or in a build without eBPF.
  static Result<TcpWalk> open();

  TcpWalk(TcpWalk&&) noexcept;
  TcpWalk& operator=(TcpWalk&&) noexcept;
  ~TcpWalk();

  /// Hands over the sockets of the namespace with that inode; 0 is none, only to count. The table
  /// is the calling thread's: all namespaces have one in common, unless
  /// net.ipv4.tcp_child_ehash_entries gave the thread's its own. Inodes of sockets are left out.
  Result<WalkStats> walk(std::uint32_t netns, WalkLanes lanes, Deadline deadline, const Sink& sink);

 private:
  class Program;
  explicit TcpWalk(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
