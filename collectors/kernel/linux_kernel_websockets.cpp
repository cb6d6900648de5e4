#include "collectors/kernel/linux_kernel.h"

namespace socket_exporter {

void LinuxKernel::follow_websockets(const WebsocketPorts& ports) {
  if (websockets_) websockets_->follow(ports);
}

Result<WebsocketCounts> LinuxKernel::websockets() {
  if (!websockets_) return Error{Error::Kind::unavailable, "WebSockets are not followed"};
  return websockets_->read();
}

Result<WebsocketEnds> LinuxKernel::websocket_ends() {
  if (!websockets_) return Error{Error::Kind::unavailable, "WebSockets are not followed"};
  return websockets_->ends();
}

std::vector<WebsocketRecord> LinuxKernel::forget_websockets(std::span<const WebsocketKey> idle) {
  return websockets_ ? websockets_->forget(idle) : std::vector<WebsocketRecord>{};
}

Workload LinuxKernel::websocket_workload(std::uint64_t cgroup) {
  return websockets_ ? workloads_.of_path(websockets_->cgroup_path(cgroup)) : Workload{};
}

}  // namespace socket_exporter
