#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// TCP sockets of the namespace it was opened in that are gone: the kernel tells whoever joined
/// the groups of NETLINK_SOCK_DIAG, without a capability. One thread at a time.
class DestroyedSockets {
 public:
  static Result<DestroyedSockets> open();

  using Sink = std::function<void(const Socket&)>;
  /// All since the last call; `netns` and `inode` of them are not known.
  Result<> read(const Sink& sink);
  /// How often the kernel had no room for more before a read.
  std::uint64_t overflows() const { return overflows_; }

 private:
  explicit DestroyedSockets(Fd socket);
  Result<std::span<const std::byte>> receive();

  Fd socket_;
  std::uint64_t overflows_ = 0;
  std::vector<std::byte> buffer_;
  std::vector<Socket> sockets_;
};

}  // namespace socket_exporter
