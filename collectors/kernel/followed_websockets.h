#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"
#include "collectors/kernel/destroyed_sockets.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/websocket_tracker.h"

namespace socket_exporter {

/// WebSocket connections, followed where this host lets it and ports are given. One thread at a
/// time.
class FollowedWebsockets {
 public:
  FollowedWebsockets(std::string procfs, const WebsocketPorts& ports);

  /// Other ports from now on; begins with the first that there are.
  void follow(const WebsocketPorts& ports);

  const Feature& feature() const { return feature_; }
  /// `unavailable` where they are not followed.
  Result<WebsocketCounts> read();
  /// `unavailable` where they are followed, and where nobody asked.
  Result<WebsocketEnds> ends();
  /// As WebsocketTracker::forget.
  std::vector<WebsocketRecord> forget(std::span<const WebsocketKey> idle);
  /// Of a cgroup of their keys; empty: not known.
  std::string cgroup_path(std::uint64_t cgroup) const;

 private:
  void start();
  void count_ends();

  std::string procfs_;
  WebsocketPorts ports_;
  Fd cgroup_root_;
  std::optional<WebsocketTracker> tracker_;
  std::optional<DestroyedSockets> destroyed_;  ///< instead
  WebsocketEnds ends_;
  Feature feature_{"websocket_tracking", false, ""};
};

}  // namespace socket_exporter
