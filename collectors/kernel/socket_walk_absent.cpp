#include "collectors/kernel/socket_walk.h"

namespace socket_exporter {
namespace {

Error absent() {
  return {Error::Kind::unavailable, "built without eBPF"};
}

}  // namespace

// A build without SOCKET_EXPORTER_BPF: nothing can be opened.
class SocketWalk::Programs {};

SocketWalk::SocketWalk(std::unique_ptr<Programs> programs) : programs_(std::move(programs)) {}
SocketWalk::SocketWalk(SocketWalk&&) noexcept = default;
SocketWalk& SocketWalk::operator=(SocketWalk&&) noexcept = default;
SocketWalk::~SocketWalk() = default;

Result<SocketWalk> SocketWalk::open() {
  return absent();
}

Result<WalkStats> SocketWalk::sockets(const SocketTable& /*table*/, const WalkFilter& /*filter*/,
                                      Deadline /*deadline*/, const Sink& /*sink*/) {
  return absent();
}

Result<WalkStats> SocketWalk::listeners(const WalkFilter& /*filter*/, Deadline /*deadline*/,
                                        const Sink& /*sink*/) {
  return absent();
}

Result<WalkStats> SocketWalk::bound(const WalkFilter& /*filter*/, Deadline /*deadline*/,
                                    const PortSink& /*ports*/, const Sink* /*sockets*/) {
  return absent();
}

}  // namespace socket_exporter
