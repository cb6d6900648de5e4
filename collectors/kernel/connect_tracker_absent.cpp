#include "collectors/kernel/connect_tracker.h"

namespace socket_exporter {

// A build without SOCKET_EXPORTER_BPF: nothing can be started.
class ConnectTracker::Program {};

ConnectTracker::ConnectTracker(std::unique_ptr<Program> program) : program_(std::move(program)) {}
ConnectTracker::ConnectTracker(ConnectTracker&&) noexcept = default;
ConnectTracker& ConnectTracker::operator=(ConnectTracker&&) noexcept = default;
ConnectTracker::~ConnectTracker() = default;

Result<ConnectTracker> ConnectTracker::start(const std::string& /*procfs*/,
                                             bool /*with_responses*/) {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

Result<ConnectCounts> ConnectTracker::read() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

Result<> ConnectTracker::times_responses() const {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

std::vector<ConnectRecord> ConnectTracker::forget(std::span<const ConnectKey> /*idle*/) {
  return {};
}

}  // namespace socket_exporter
