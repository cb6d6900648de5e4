#include "collectors/kernel/bind_tracker.h"

namespace socket_exporter {

// A build without SOCKET_EXPORTER_BPF: nothing can be started.
class BindTracker::Program {};

BindTracker::BindTracker(std::unique_ptr<Program> program) : program_(std::move(program)) {}
BindTracker::BindTracker(BindTracker&&) noexcept = default;
BindTracker& BindTracker::operator=(BindTracker&&) noexcept = default;
BindTracker::~BindTracker() = default;

Result<BindTracker> BindTracker::start(BindWay /*way*/) {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

Result<BindCounts> BindTracker::read() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

std::vector<BindRecord> BindTracker::forget(std::span<const BindKey> /*idle*/) {
  return {};
}

}  // namespace socket_exporter
