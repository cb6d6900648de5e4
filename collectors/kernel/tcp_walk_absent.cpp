#include "collectors/kernel/tcp_walk.h"

namespace socket_exporter {

// A build without SOCKET_EXPORTER_BPF: nothing can be opened.
class TcpWalk::Program {};

TcpWalk::TcpWalk(std::unique_ptr<Program> program) : program_(std::move(program)) {}
TcpWalk::TcpWalk(TcpWalk&&) noexcept = default;
TcpWalk& TcpWalk::operator=(TcpWalk&&) noexcept = default;
TcpWalk::~TcpWalk() = default;

Result<TcpWalk> TcpWalk::open() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

WalkLanes lanes_for(const WalkStats& /*last*/) {
  return WalkLanes::one;
}

Result<WalkStats> TcpWalk::walk(std::uint32_t /*netns*/, WalkLanes /*lanes*/, Deadline /*deadline*/,
                                const Sink& /*sink*/) {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

}  // namespace socket_exporter
