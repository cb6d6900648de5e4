#include "collectors/kernel/bound_ports.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace socket_exporter;

TEST_CASE("sockets on a listening port are inbound and hold a bound port", "[bound_ports]") {
  std::vector<Socket> sockets{
      {.local_port = 80, .state = TcpState::listen},
      {.local_port = 40000, .state = TcpState::close},
      {.local_port = 80, .state = TcpState::established},
      {.local_port = 40000, .state = TcpState::established},
      {.local_port = 50000, .state = TcpState::time_wait},
  };
  BoundPorts ports;
  for (Socket& socket : sockets) ports.mark(socket);

  CHECK_FALSE(sockets[0].inbound);
  CHECK(sockets[0].port_bound);
  CHECK(sockets[1].port_bound);
  CHECK(sockets[2].inbound);
  CHECK(sockets[2].port_bound);
  CHECK_FALSE(sockets[3].inbound);
  CHECK(sockets[3].port_bound);
  CHECK_FALSE(sockets[4].inbound);
  CHECK_FALSE(sockets[4].port_bound);
}

TEST_CASE("UDP sockets do not bind TCP ports", "[bound_ports]") {
  std::vector<Socket> sockets{
      {.local_port = 53, .protocol = Protocol::udp, .state = TcpState::close},
      {.local_port = 53, .state = TcpState::established},
  };
  BoundPorts ports;
  for (Socket& socket : sockets) ports.mark(socket);
  CHECK_FALSE(sockets[0].port_bound);
  CHECK_FALSE(sockets[1].port_bound);
}

TEST_CASE("a port that is known to be bound is so without a socket that tells", "[bound_ports]") {
  Socket socket{.local_port = 40000, .state = TcpState::established};
  BoundPorts ports;
  ports.add(40000);
  ports.mark(socket);
  CHECK(socket.port_bound);
  CHECK_FALSE(socket.inbound);
}
