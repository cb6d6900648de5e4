#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectors/snapshot.h"
#include "collectors/websocket_sockets.h"

namespace socket_exporter {

/// What the WebSocket connections of one label set came to.
struct WebsocketSeries {
  std::string netns;
  std::string pod_namespace;
  std::string pod;
  std::string port;        ///< the server's, or "other"
  bool tls = false;        ///< inside of TLS
  bool is_client = false;  ///< the end that is on this host
  std::int64_t active = 0;
  std::optional<std::uint64_t> limit{};  ///< of a server, as configured
  sx_websocket_counts counts{};
};

struct WebsocketReading {
  WebsocketCounts counts;
  std::vector<WebsocketSeries> series;  ///< busiest first; a port without connections is zero
  std::size_t left_out = 0;             ///< label sets that are in a rest
};

/// Connections that are configured as the most of a port.
std::optional<std::uint64_t> websocket_limit(const WebsocketSettings& asked, std::uint16_t port);

/// Reads what the kernel counted, and chooses what has a series. `unavailable` where WebSockets
/// are not followed. Gather thread only.
Result<WebsocketReading> read_websockets(Snapshot& snapshot, const WebsocketSockets& sockets);

}  // namespace socket_exporter
