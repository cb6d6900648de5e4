#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

TEST_CASE("tcp_states counts per namespace, family and state", "[tcp_states]") {
  FakeKernel kernel;
  kernel.netns.push_back({2, "blue"});
  kernel.sockets = {
      {.netns = 1, .state = TcpState::time_wait},
      {.netns = 1, .state = TcpState::time_wait},
      {.netns = 1, .family = Family::ipv6, .state = TcpState::close_wait},
      {.netns = 1, .protocol = Protocol::udp, .state = TcpState::established},
      {.netns = 2, .state = TcpState::new_syn_recv},
  };

  const std::string text = expose(kernel, "tcp_states");

  CHECK_THAT(text,
             HasLine("socket_tcp_sockets{netns=\"host\",family=\"ipv4\",state=\"time_wait\"} 2"));
  CHECK_THAT(text,
             HasLine("socket_tcp_sockets{netns=\"host\",family=\"ipv6\",state=\"close_wait\"} 1"));
  CHECK_THAT(
      text, HasLine("socket_tcp_sockets{netns=\"blue\",family=\"ipv4\",state=\"new_syn_recv\"} 1"));

  SECTION("states without sockets are zero, not missing") {
    CHECK_THAT(
        text,
        HasLine("socket_tcp_sockets{netns=\"host\",family=\"ipv4\",state=\"established\"} 0"));
  }
}

TEST_CASE("udp_sockets counts per namespace and family", "[udp_sockets]") {
  FakeKernel kernel;
  kernel.sockets = {
      {.netns = 1, .protocol = Protocol::udp},
      {.netns = 1, .protocol = Protocol::udp, .state = TcpState::established},
      {.netns = 1, .state = TcpState::established},
  };
  const std::string text = expose(kernel, "udp_sockets");
  CHECK_THAT(text, HasLine("socket_udp_sockets{netns=\"host\",family=\"ipv4\"} 2"));
  CHECK_THAT(text, HasLine("socket_udp_sockets{netns=\"host\",family=\"ipv6\"} 0"));
}
