#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "collectors/kernel/kernel.h"
#include "collectors/kernel/scan_pass.h"
#include "collectors/kernel/socket_walk.h"

namespace socket_exporter {

/// Reads the sockets of all namespaces by walks over the kernel's tables: each table once, however
/// many namespaces there are.
class WalkScan {
 public:
  static Result<WalkScan> open();

  /// Of all namespaces, counted a minute ago at most: what a dump of one has to pass by.
  Result<std::uint64_t> sockets(Deadline deadline);

  /// Tells `pass` which TCP ports are bound; without the sockets that hold them.
  Result<> scan_bound_ports(std::uint32_t netns, Deadline deadline, ScanPass& pass);

  Result<> scan_udp(const WalkFilter& filter, Deadline deadline, ScanPass& pass);

  /// Each socket once: listeners and bound-only sockets first. `tables` are those that the
  /// namespaces have besides the common ones.
  Result<> scan(const WalkFilter& filter, Detail detail, std::span<const SocketTable> tables,
                Deadline deadline, ScanPass& pass);

  /// What is remembered of these namespaces.
  void forget(const std::set<std::uint32_t>& netns);

 private:
  explicit WalkScan(SocketWalk walk) : walk_(std::move(walk)) {}

  Result<> scan_bound(const WalkFilter& filter, Deadline deadline, ScanPass& pass);
  Result<> scan_table(const WalkFilter& filter, const SocketTable& table, Deadline deadline,
                      ScanPass& pass);
  void note_common(const WalkStats& walked);

  SocketWalk walk_;
  std::uint64_t sockets_ = 0;           ///< in the common table, when it was walked last
  std::optional<Deadline> counted_;     ///< when that was
  std::vector<Socket> bound_;           ///< bound-only sockets, as they were found last
  std::uint64_t unread_ports_ = 0;      ///< and the ports where not all were looked for
  std::optional<Deadline> bound_seen_;  ///< when that was
};

}  // namespace socket_exporter
