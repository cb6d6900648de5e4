#pragma once

#include <cstdint>
#include <memory>

#include "collectors/base/port_set.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// Tells inbound connections and bound ports apart from what connect() chose.
/// For one namespace and one pass; listeners and bound ports have to come first.
class BoundPorts {
 public:
  /// A TCP port that bind() holds.
  void add(std::uint16_t port) { add_to(bound_, port); }
  /// Learns from listeners and bound-only sockets; sets `inbound` and `port_bound` of all.
  void mark(Socket& socket);

 private:
  using Ports = std::unique_ptr<PortSet>;  // most namespaces bind none

  static void add_to(Ports& ports, std::uint16_t port);

  Ports listening_;
  Ports bound_;
};

}  // namespace socket_exporter
