#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "collectors/kernel/kernel.h"

namespace socket_exporter {

/// What a scan says of the ports that WebSocket servers have. One scrape; gather thread only.
class WebsocketSockets {
 public:
  /// Of one namespace and port.
  struct Seen {
    bool has_listener = false;
    std::uint64_t servers = 0;  ///< ends of connections that are open or being closed
    std::uint64_t clients = 0;  ///< those that are followed, and not at their server instead
  };

  /// Before the first see().
  void look_at(const WebsocketPorts& ports);
  void look_at(std::uint16_t port) { ports_.set(port); }
  void see(std::span<const Socket> sockets);
  /// Nothing where it was not looked at.
  std::optional<Seen> at(std::uint32_t netns, std::uint16_t port) const;

 private:
  void see(const Socket& socket);

  std::bitset<65536> ports_;    ///< all that are looked at
  std::bitset<65536> servers_;  ///< of them, those that are followed at their server
  std::bitset<65536> clients_;  ///< and those at their client
  std::map<std::pair<std::uint32_t, std::uint16_t>, Seen> seen_;
};

}  // namespace socket_exporter
