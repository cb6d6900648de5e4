#include "collectors/kernel/bound_ports.h"

namespace socket_exporter {

void BoundPorts::add_to(Ports& ports, std::uint16_t port) {
  if (!ports) ports = std::make_unique<PortSet>();
  ports->set(port);
}

void BoundPorts::mark(Socket& socket) {
  if (socket.protocol != Protocol::tcp) return;
  const bool listener = socket.state == TcpState::listen;
  // A socket in CLOSE that the kernel lists at all has bound and done no more.
  if (listener || socket.state == TcpState::close) add(socket.local_port);
  if (listener) add_to(listening_, socket.local_port);
  socket.inbound = !listener && listening_ && listening_->test(socket.local_port);
  socket.port_bound = bound_ && bound_->test(socket.local_port);
}

}  // namespace socket_exporter
