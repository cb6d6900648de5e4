#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "collectors/bpf/websockets.h"
#include "collectors/kernel/connect_counts.h"

namespace socket_exporter {

/// Which connections may be WebSockets, by the port of the server.
struct WebsocketPorts {
  std::vector<std::uint16_t> server{};  ///< the server is on this host
  std::vector<std::uint16_t> client{};  ///< the client is
  bool learns = false;                  ///< server ports from handshakes
  bool tls = false;                     ///< also inside of TLS, by OpenSSL
  bool empty() const { return server.empty() && client.empty() && !learns; }
  /// Whether connections of this port are asked for; where ports are learned, of any.
  bool has(std::uint16_t port) const {
    return learns || std::find(server.begin(), server.end(), port) != server.end() ||
           std::find(client.begin(), client.end(), port) != client.end();
  }
  bool operator==(const WebsocketPorts&) const = default;
};

/// Whose connections. All else is empty where `is_rest`: that counts what found no room.
struct WebsocketKey {
  NetnsId netns{};
  bool is_rest = false;
  std::uint64_t cgroup = 0;
  std::uint16_t port = 0;  ///< of the server
  bool tls = false;
  auto operator<=>(const WebsocketKey&) const = default;
};

/// All fields of sx_websocket_counts, one after another; since tracking began, or since the key was
/// forgotten.
using WebsocketCounters =
    std::array<std::uint64_t, sizeof(sx_websocket_counts) / sizeof(std::uint64_t)>;

struct WebsocketRecord {
  WebsocketKey key;
  WebsocketCounters counters{};
};

/// Where no eBPF program follows them: connections of the exporter's namespace that ended, by the
/// server's port. WebSocket or not is not known.
struct WebsocketEnds {
  std::map<std::uint16_t, std::uint64_t> ended{};
  std::uint64_t missed = 0;  ///< how often there were more than fit
};

/// What WebSocket connections of all namespaces came to.
struct WebsocketCounts {
  std::vector<WebsocketRecord> records{};
  std::uint64_t adopted = 0;         ///< connections that were found open
  std::uint64_t desynced = 0;        ///< directions whose frames could not be followed any more
  std::uint64_t resynced = 0;        ///< of them, those that can be again
  std::uint64_t repaired = 0;        ///< segments that came out of order and were put in place
  std::uint64_t pool_exhausted = 0;  ///< segments that there was no room for to wait
  std::uint64_t ports_refused = 0;   ///< handshakes at ports that there was no room to learn
  std::uint64_t missed = 0;          ///< events and connections that were lost
};

}  // namespace socket_exporter
