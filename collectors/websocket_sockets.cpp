#include "collectors/websocket_sockets.h"

namespace socket_exporter {
namespace {

bool is_connection(TcpState state) {
  switch (state) {
    case TcpState::established:
    case TcpState::fin_wait1:
    case TcpState::fin_wait2:
    case TcpState::close_wait:
    case TcpState::last_ack:
    case TcpState::closing:
      return true;
    default:
      return false;
  }
}

}  // namespace

void WebsocketSockets::look_at(const WebsocketPorts& ports) {
  for (const std::uint16_t port : ports.server) {
    ports_.set(port);
    servers_.set(port);
  }
  for (const std::uint16_t port : ports.client) {
    ports_.set(port);
    clients_.set(port);
  }
}

void WebsocketSockets::see(std::span<const Socket> sockets) {
  for (const Socket& socket : sockets) {
    if (!ports_[socket.local_port] && !clients_[socket.remote_port]) continue;
    if (socket.protocol == Protocol::tcp && socket.netns != kOtherNetns) see(socket);
  }
}

std::optional<WebsocketSockets::Seen> WebsocketSockets::at(std::uint32_t netns,
                                                           std::uint16_t port) const {
  if (!ports_[port]) return {};
  const auto found = seen_.find({netns, port});
  return found != seen_.end() ? found->second : Seen{};
}

void WebsocketSockets::see(const Socket& socket) {
  if (socket.state == TcpState::listen) {
    seen_[{socket.netns, socket.local_port}].has_listener = true;
  } else if (is_connection(socket.state)) {
    if (ports_[socket.local_port]) ++seen_[{socket.netns, socket.local_port}].servers;
    const bool is_beside = servers_[socket.remote_port] && socket.local == socket.remote;
    if (clients_[socket.remote_port] && !is_beside) {
      ++seen_[{socket.netns, socket.remote_port}].clients;
    }
  }
}

}  // namespace socket_exporter
