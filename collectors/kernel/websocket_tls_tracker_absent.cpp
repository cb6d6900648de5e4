#include "collectors/kernel/websocket_tls_tracker.h"

namespace socket_exporter {

// A build without SOCKET_EXPORTER_BPF: nothing can be started.
class WebsocketTlsTracker::Program {};

WebsocketTlsTracker::WebsocketTlsTracker(std::unique_ptr<Program> program)
    : program_(std::move(program)) {}
WebsocketTlsTracker::WebsocketTlsTracker(WebsocketTlsTracker&&) noexcept = default;
WebsocketTlsTracker& WebsocketTlsTracker::operator=(WebsocketTlsTracker&&) noexcept = default;
WebsocketTlsTracker::~WebsocketTlsTracker() = default;

Result<WebsocketTlsTracker> WebsocketTlsTracker::start(const WebsocketPorts& /*ports*/) {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

void WebsocketTlsTracker::follow(const WebsocketPorts& /*ports*/) {}

Result<bool> WebsocketTlsTracker::attach(const Fd& /*file*/) {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

std::vector<std::uint32_t> WebsocketTlsTracker::take_readers() {
  return {};
}

Result<WebsocketCounts> WebsocketTlsTracker::read() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

std::vector<WebsocketRecord> WebsocketTlsTracker::forget(std::span<const WebsocketKey> /*idle*/) {
  return {};
}

}  // namespace socket_exporter
