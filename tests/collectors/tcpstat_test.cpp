#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

TEST_CASE("tcpstat counts both families of the host's namespace", "[tcpstat]") {
  FakeKernel kernel;
  kernel.netns.push_back({2, "blue"});
  kernel.sockets = {
      {.netns = 1, .receive_queue = 1, .send_queue = 128, .state = TcpState::listen},
      {.netns = 1, .receive_queue = 5, .send_queue = 7, .state = TcpState::established},
      {.netns = 1, .family = Family::ipv6, .state = TcpState::established},
      {.netns = 1, .state = TcpState::time_wait},
      {.netns = 2, .state = TcpState::time_wait},
      {.netns = 1, .protocol = Protocol::udp, .state = TcpState::established},
  };
  const std::string text = expose(kernel, "tcpstat");
  CHECK_THAT(text, HasLine("node_tcp_connection_states{state=\"established\"} 2"));
  CHECK_THAT(text, HasLine("node_tcp_connection_states{state=\"time_wait\"} 1"));
  CHECK_THAT(text, HasLine("node_tcp_connection_states{state=\"close_wait\"} 0"));
  CHECK_THAT(text, HasLine("node_tcp_connection_states{state=\"rx_queued_bytes\"} 6"));
  CHECK_THAT(text, HasLine("node_tcp_connection_states{state=\"tx_queued_bytes\"} 135"));
  CHECK_THAT(text, HasLine("node_netstat_Tcp_Established 2"));
  CHECK_THAT(text, HasLine("node_netstat_Tcp_TimeWait 1"));
}

TEST_CASE("node_exporter's states have requests as syn_recv and no bound-only sockets",
          "[tcpstat]") {
  FakeKernel kernel;
  kernel.sockets = {
      {.netns = 1, .state = TcpState::new_syn_recv},
      {.netns = 1, .state = TcpState::close, .port_bound = true},
  };
  const std::string text = expose(kernel, "tcpstat");
  CHECK_THAT(text, HasLine("node_netstat_Tcp_NewSynRecv 1"));
  CHECK_THAT(text, HasLine("node_netstat_Tcp_Close 0"));
  CHECK_THAT(text, HasLine("node_tcp_connection_states{state=\"syn_recv\"} 1"));
  CHECK_THAT(text, HasLine("node_tcp_connection_states{state=\"close\"} 0"));
}
