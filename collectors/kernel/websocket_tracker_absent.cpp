#include "collectors/kernel/websocket_tracker.h"

namespace socket_exporter {

// A build without SOCKET_EXPORTER_BPF: nothing can be started.
class WebsocketTracker::Program {};

WebsocketTracker::WebsocketTracker(std::unique_ptr<Program> program)
    : program_(std::move(program)) {}
WebsocketTracker::WebsocketTracker(WebsocketTracker&&) noexcept = default;
WebsocketTracker& WebsocketTracker::operator=(WebsocketTracker&&) noexcept = default;
WebsocketTracker::~WebsocketTracker() = default;

Result<WebsocketTracker> WebsocketTracker::start(const Fd& /*cgroup_root*/,
                                                 const WebsocketPorts& /*ports*/) {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

void WebsocketTracker::follow(const WebsocketPorts& /*ports*/) {}

Result<WebsocketCounts> WebsocketTracker::read() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

std::vector<WebsocketRecord> WebsocketTracker::forget(std::span<const WebsocketKey> /*idle*/) {
  return {};
}

}  // namespace socket_exporter
