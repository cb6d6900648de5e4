#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// What a reply of a dump said besides sockets.
struct DiagReply {
  bool done = false;
  bool interrupted = false;  ///< NLM_F_DUMP_INTR
};

/// Appends the sockets of one netlink reply to `sockets` (linux/inet_diag.h); messages of
/// another sequence number are skipped. What the kernel refuses is an error of its own kind.
Result<DiagReply> decode_diag_reply(std::span<const std::byte> reply, std::uint32_t sequence,
                                    Protocol protocol, std::vector<Socket>& sockets);

/// Dumps sockets through NETLINK_SOCK_DIAG, in the namespace it was opened in.
class SockDiag {
 public:
  static Result<SockDiag> open();

  /// Called with the sockets of one reply, up to 32 KiB of netlink, to change and to pass on.
  using Sink = std::function<void(std::span<Socket>)>;

  /// All TCP sockets of both families in one pass: listeners, then bound-only sockets (6.8+),
  /// then the rest.
  Result<DiagReply> dump_tcp(Deadline deadline, const Sink& sink);
  Result<DiagReply> dump_tcp_listeners(Deadline deadline, const Sink& sink);
  Result<DiagReply> dump_tcp_but_bound(Deadline deadline, const Sink& sink);
  /// Sockets that only called bind(); an old kernel lists none.
  Result<DiagReply> dump_tcp_bound(Deadline deadline, const Sink& sink);
  Result<DiagReply> dump_udp(Family family, Deadline deadline, const Sink& sink);

 private:
  explicit SockDiag(Fd socket);

  Result<DiagReply> dump_tcp_states(std::uint32_t states, Deadline deadline, const Sink& sink);
  template <typename Request>
  Result<> send_request(std::uint16_t type, const Request& request);
  Result<DiagReply> receive(Protocol protocol, Deadline deadline, const Sink& sink);
  Result<std::span<const std::byte>> receive_reply();

  Fd socket_;
  std::uint32_t sequence_ = 0;
  std::vector<std::byte> buffer_;
  std::vector<Socket> sockets_;  ///< kept, so that a dump of a million allocates nothing
};

/// Whether a dump shows a socket that has only called bind(): tried with one of our own.
Result<bool> lists_bound_sockets(SockDiag& diag, Deadline deadline);

}  // namespace socket_exporter
