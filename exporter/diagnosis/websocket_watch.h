#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/snapshot.h"
#include "exporter/diagnosis/checks.h"

namespace socket_exporter {

/// WebSocket connections of one server, while they were watched.
struct SeenWebsockets {
  std::string netns;  ///< printable, as all names here
  std::uint32_t inode = 0;
  std::string workload;  ///< pod or container; empty: none, or unknown
  std::uint16_t port = 0;
  bool tls = false;  ///< inside of TLS
  sx_websocket_counts counts{};
  std::uint64_t full = 0;     ///< connections with much to send that the client does not take
  std::uint64_t waiting = 0;  ///< bytes of those

  std::uint64_t closed() const;
  std::uint64_t open() const { return counts.opened + counts.adopted - closed(); }
  /// Handshakes that failed, but for those that nobody began.
  std::uint64_t refused() const;
  std::uint64_t closed_by(sx_websocket_reason reason) const;
};

struct WebsocketWatch {
  std::chrono::duration<double> time{};
  std::vector<SeenWebsockets> servers;  ///< those with most connections first
};

/// Watches for that long what the kernel was made to follow: servers of these namespaces. An error
/// without a wait where WebSockets are not followed. Gather thread, or a program without.
Result<WebsocketWatch> watch_websockets(Kernel& kernel, Snapshot& snapshot,
                                        std::span<const NetNs> namespaces,
                                        std::chrono::milliseconds time);

/// What WebSocket connections end of, or do not begin.
enum class WebsocketCause { reset_storm, handshakes, idle_timeout, slow_consumers, rollout };

/// "reset_storm", "handshakes", ... for programs.
std::string_view to_string(WebsocketCause cause);

struct WebsocketFinding {
  WebsocketCause cause;
  Status status;
  std::string headline;
  std::string explanation;
  std::vector<std::string> steps;  ///< what to do, first things first
};

/// Pure. Worst first.
std::vector<WebsocketFinding> find_websocket_causes(const WebsocketWatch& watch);

/// Pure. "port 8003 of shop/ecg-1", "port 8443 (TLS) of host".
std::string to_string(const SeenWebsockets& server);

}  // namespace socket_exporter
