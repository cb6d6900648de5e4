#pragma once

#include <memory>
#include <span>
#include <vector>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"
#include "collectors/kernel/websocket_counts.h"

namespace socket_exporter {

/// Follows WebSocket connections of all network namespaces by eBPF programs that see all packets,
/// as long as it lives. Nothing is pinned. One thread at a time.
class WebsocketTracker {
 public:
  /// `cgroup_root` is open_root_cgroup()'s. `denied` without the privilege, `unavailable` on an
  /// old kernel or in a build without eBPF.
  static Result<WebsocketTracker> start(const Fd& cgroup_root, const WebsocketPorts& ports);

  WebsocketTracker(WebsocketTracker&&) noexcept;
  WebsocketTracker& operator=(WebsocketTracker&&) noexcept;
  ~WebsocketTracker();

  /// From now on at these ports. Connections of others are not looked at until they end.
  void follow(const WebsocketPorts& ports);

  Result<WebsocketCounts> read();

  /// Makes room: ends the counting of these keys and returns how far it came. They begin at zero
  /// when they come again.
  std::vector<WebsocketRecord> forget(std::span<const WebsocketKey> idle);

 private:
  class Program;
  explicit WebsocketTracker(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
