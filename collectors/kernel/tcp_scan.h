#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/sock_diag.h"
#include "collectors/kernel/tcp_walk.h"

namespace socket_exporter {

/// Reads the TCP sockets of the exporter's own namespace the cheapest way: one inet_diag dump
/// while there are few; beyond that an eBPF walk, and rare looks for bound-only sockets.
class TcpScan {
 public:
  using Sink = SockDiag::Sink;

  TcpScan();

  /// Each socket once: listeners and bound-only sockets first.
  Result<DiagReply> scan(SockDiag& diag, std::uint32_t netns, Detail detail, Deadline deadline,
                         const Sink& sink);

  /// Whether the walk may be used; `reason` says why not.
  const Feature& feature() const { return feature_; }

 private:
  Result<> count_all(Deadline deadline);
  Result<DiagReply> scan_few(SockDiag& diag, Detail detail, Deadline deadline, const Sink& sink);
  Result<DiagReply> scan_many(SockDiag& diag, std::uint32_t netns, Detail detail, Deadline deadline,
                              const Sink& sink);
  Result<DiagReply> scan_bound(SockDiag& diag, Deadline deadline, const Sink& sink);
  Result<DiagReply> walk(std::uint32_t netns, Deadline deadline, const Sink& sink);
  Result<> note(const Result<WalkStats>& walked);

  Feature feature_{"tcp_walk", false, ""};
  std::optional<TcpWalk> walk_;
  WalkStats last_;                      ///< what the last look at the table met
  std::optional<Deadline> counted_;     ///< when the sockets of all namespaces were counted
  std::vector<Socket> bound_;           ///< bound-only sockets, as they were listed last
  std::optional<Deadline> bound_seen_;  ///< when that was
};

}  // namespace socket_exporter
