#include "collectors/kernel/linux_kernel.h"

namespace socket_exporter {

namespace {

void add(const WebsocketCounts& more, WebsocketCounts& to) {
  to.records.insert(to.records.end(), more.records.begin(), more.records.end());
  to.adopted += more.adopted;
  to.desynced += more.desynced;
  to.resynced += more.resynced;
  to.ports_refused += more.ports_refused;
  to.missed += more.missed;
}

bool is_unavailable(const Result<WebsocketCounts>& counts) {
  return !counts && counts.error().kind == Error::Kind::unavailable;
}

}  // namespace

void LinuxKernel::follow_websockets(const WebsocketPorts& ports) {
  if (!websockets_) return;
  websockets_->follow(ports);
  tls_->follow(ports);
}

// Each may be followed without the other.
Result<WebsocketCounts> LinuxKernel::websockets() {
  if (!websockets_) return Error{Error::Kind::unavailable, "WebSockets are not followed"};
  auto counts = websockets_->read();
  auto inside_tls = tls_->read();
  if (is_unavailable(inside_tls)) return counts;
  if (is_unavailable(counts) || !inside_tls) return inside_tls;
  if (counts) add(*inside_tls, *counts);
  return counts;
}

Result<WebsocketEnds> LinuxKernel::websocket_ends() {
  if (!websockets_) return Error{Error::Kind::unavailable, "WebSockets are not followed"};
  return websockets_->ends();
}

std::vector<WebsocketRecord> LinuxKernel::forget_websockets(std::span<const WebsocketKey> idle) {
  if (!websockets_) return {};
  auto last = websockets_->forget(idle);
  for (const WebsocketRecord& record : tls_->forget(idle)) last.push_back(record);
  return last;
}

Workload LinuxKernel::websocket_workload(std::uint64_t cgroup) {
  return websockets_ ? workloads_.of_path(websockets_->cgroup_path(cgroup)) : Workload{};
}

}  // namespace socket_exporter
