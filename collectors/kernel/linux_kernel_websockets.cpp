#include <utility>

#include "collectors/kernel/cgroup_name.h"
#include "collectors/kernel/cgroup_root.h"
#include "collectors/kernel/linux_kernel.h"

namespace socket_exporter {

void LinuxKernel::follow_websockets(WebsocketPorts ports) {
  Feature& feature = followed_features_.emplace_back(Feature{"websocket_tracking", false, ""});
  if (ports.empty()) {
    feature.reason = "no websocket.ports in the configuration";
    return;
  }
  auto started = WebsocketTracker::start(paths_.procfs, std::move(ports));
  feature.on = static_cast<bool>(started);
  if (started) {
    websockets_ = std::move(*started);
    if (auto root = open_root_cgroup(paths_.procfs)) cgroup_root_ = std::move(*root);
  } else {
    feature.reason = started.error().what;
  }
}

Result<WebsocketCounts> LinuxKernel::websockets() {
  if (!websockets_) return Error{Error::Kind::unavailable, "WebSockets are not followed"};
  auto counts = websockets_->read();
  if (!counts) return Error{Error::Kind::io, counts.error().what};
  return counts;
}

std::vector<WebsocketRecord> LinuxKernel::forget_websockets(std::span<const WebsocketKey> idle) {
  return websockets_ ? websockets_->forget(idle) : std::vector<WebsocketRecord>{};
}

Workload LinuxKernel::websocket_workload(std::uint64_t cgroup) {
  if (!cgroup_root_) return {};
  const auto path = cgroup_path(cgroup_root_, cgroup);
  return path ? workloads_.of_path(*path) : Workload{};
}

}  // namespace socket_exporter
