#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collectors/kernel/kernel.h"
#include "collectors/kernel/scan_pass.h"
#include "collectors/kernel/sock_diag.h"

namespace socket_exporter {

/// Which protocols NETLINK_SOCK_DIAG answers for; /proc/net is read in place of the others.
struct DiagOffer {
  bool tcp = false;
  bool udp = false;
};

/// Reads the sockets of one namespace through inet_diag, by a socket that stays open.
class DiagScan {
 public:
  /// `procfs` is a directory with the `net` of that namespace, and `path` what setns() takes;
  /// empty for the own one.
  DiagScan(std::uint32_t netns, std::string path, std::string procfs, DiagOffer offer);

  /// Each socket once: listeners, and bound-only sockets unless there is but a need for
  /// connections, come first.
  Result<> scan_tcp(Detail detail, Deadline deadline, ScanPass& pass);
  Result<> scan_udp(Deadline deadline, ScanPass& pass);

  /// Whether one of the namespace's sockets is ours.
  bool is_open() const { return diag_.has_value(); }

 private:
  Result<SockDiag*> diag();
  Result<> dump_tcp(Detail detail, Deadline deadline, ScanPass& pass);
  Result<DiagReply> scan_many(SockDiag& diag, Deadline deadline, const SockDiag::Sink& sink);
  Result<> dump_udp(Deadline deadline, ScanPass& pass);
  SockDiag::Sink into(ScanPass& pass);

  std::uint32_t netns_;
  std::string path_;
  std::string procfs_;
  DiagOffer offer_;
  std::optional<SockDiag> diag_;  ///< made anew after an error, which may leave replies unread
  std::uint64_t last_sockets_ = 0;
  std::vector<Socket> bound_;           ///< bound-only sockets, as they were listed last
  std::optional<Deadline> bound_seen_;  ///< when that was
};

}  // namespace socket_exporter
