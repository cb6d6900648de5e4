#include "collectors/kernel/bound_ports.h"

namespace socket_exporter {

void BoundPorts::mark(std::span<Socket> sockets) {
  for (Socket& socket : sockets) {
    if (socket.protocol != Protocol::tcp) continue;
    const bool listener = socket.state == TcpState::listen;
    // A socket in CLOSE that the kernel lists at all has bound and done no more.
    if (listener || socket.state == TcpState::close) bound_->set(socket.local_port);
    if (listener) listening_->set(socket.local_port);
    socket.inbound = !listener && listening_->test(socket.local_port);
    socket.port_bound = bound_->test(socket.local_port);
  }
}

}  // namespace socket_exporter
