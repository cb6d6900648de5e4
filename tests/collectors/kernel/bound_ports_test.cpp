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
  ports.mark(std::span(sockets).first(2));
  ports.mark(std::span(sockets).subspan(2));

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
  BoundPorts().mark(sockets);
  CHECK_FALSE(sockets[0].port_bound);
  CHECK_FALSE(sockets[1].port_bound);
}
