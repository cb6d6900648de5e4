#include "collectors/kernel/followed_websockets.h"

#include <utility>

#include "collectors/kernel/cgroup_name.h"
#include "collectors/kernel/cgroup_root.h"

namespace socket_exporter {

FollowedWebsockets::FollowedWebsockets(const std::string& procfs, WebsocketPorts ports) {
  if (ports.empty()) {
    feature_.reason = "no websocket.ports in the configuration";
    return;
  }
  auto root = open_root_cgroup(procfs);
  auto started = root ? WebsocketTracker::start(*root, std::move(ports))
                      : Result<WebsocketTracker>(root.error());
  if (!started) {
    feature_.reason = started.error().what;
    return;
  }
  feature_.on = true;
  tracker_ = std::move(*started);
  cgroup_root_ = std::move(*root);
}

Result<WebsocketCounts> FollowedWebsockets::read() {
  if (!tracker_) return Error{Error::Kind::unavailable, "WebSockets are not followed"};
  auto counts = tracker_->read();
  if (!counts) return Error{Error::Kind::io, counts.error().what};
  return counts;
}

std::vector<WebsocketRecord> FollowedWebsockets::forget(std::span<const WebsocketKey> idle) {
  return tracker_ ? tracker_->forget(idle) : std::vector<WebsocketRecord>{};
}

std::string FollowedWebsockets::cgroup_path(std::uint64_t cgroup) const {
  if (!cgroup_root_) return {};
  auto path = socket_exporter::cgroup_path(cgroup_root_, cgroup);
  return path ? std::move(*path) : std::string();
}

}  // namespace socket_exporter
