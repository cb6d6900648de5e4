#pragma once

#include <memory>
#include <span>

#include "collectors/base/port_set.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// Tells inbound connections and bound ports apart from what connect() chose.
/// For one namespace and one pass; listeners and bound-only sockets have to come first.
class BoundPorts {
 public:
  /// Learns from listeners and bound-only sockets; sets `inbound` and `port_bound` of all.
  void mark(std::span<Socket> sockets);

 private:
  std::unique_ptr<PortSet> listening_ = std::make_unique<PortSet>();
  std::unique_ptr<PortSet> bound_ = std::make_unique<PortSet>();
};

}  // namespace socket_exporter
