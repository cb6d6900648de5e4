#include "collectors/kernel/followed_websockets.h"

#include <algorithm>
#include <utility>

#include "collectors/kernel/cgroup_name.h"
#include "collectors/kernel/cgroup_root.h"

namespace socket_exporter {

FollowedWebsockets::FollowedWebsockets(std::string procfs, const WebsocketPorts& ports)
    : procfs_(std::move(procfs)), ports_(ports) {
  start();
}

// What was counted stays, so the programs do as well, even without a port.
void FollowedWebsockets::follow(const WebsocketPorts& ports) {
  if (ports == ports_) return;
  ports_ = ports;
  if (tracker_) {
    tracker_->follow(ports);
  } else {
    start();
  }
}

void FollowedWebsockets::start() {
  if (ports_.empty()) {
    feature_.reason = "no websocket.ports in the configuration";
    return;
  }
  auto root = open_root_cgroup(procfs_);
  auto started =
      root ? WebsocketTracker::start(*root, ports_) : Result<WebsocketTracker>(root.error());
  if (!started) {
    feature_.reason = started.error().what;
    count_ends();
    return;
  }
  destroyed_.reset();
  feature_.on = true;
  feature_.reason.clear();
  tracker_ = std::move(*started);
  cgroup_root_ = std::move(*root);
}

void FollowedWebsockets::count_ends() {
  if (!destroyed_) {
    auto opened = DestroyedSockets::open();
    if (!opened) return;
    destroyed_ = std::move(*opened);
  }
  feature_.reason +=
      "; counting connections of the ports by scans, and their ends without a reason";
}

Result<WebsocketEnds> FollowedWebsockets::ends() {
  if (!destroyed_) return Error{Error::Kind::unavailable, "WebSockets are not counted by scans"};
  const auto read = destroyed_->read([&](const Socket& socket) {
    if (socket.remote_port == 0) return;  // a listener
    const auto is_of = [](const std::vector<std::uint16_t>& ports, std::uint16_t port) {
      return std::find(ports.begin(), ports.end(), port) != ports.end();
    };
    if (is_of(ports_.server, socket.local_port)) {
      ++ends_.ended[socket.local_port];
    } else if (is_of(ports_.client, socket.remote_port)) {
      ++ends_.ended[socket.remote_port];
    }
  });
  if (!read) return read.error();
  ends_.missed = destroyed_->overflows();
  return ends_;
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
