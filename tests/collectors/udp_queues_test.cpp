#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

TEST_CASE("udp_queues sums both queues of the host's UDP sockets", "[udp_queues]") {
  FakeKernel kernel;
  kernel.netns.push_back({2, "blue"});
  kernel.sockets = {
      {.netns = 1, .receive_queue = 32, .send_queue = 16, .protocol = Protocol::udp},
      {.netns = 1, .receive_queue = 3840, .protocol = Protocol::udp},
      {.netns = 1, .receive_queue = 5, .family = Family::ipv6, .protocol = Protocol::udp},
      {.netns = 2, .receive_queue = 99, .protocol = Protocol::udp},
      {.netns = 1, .receive_queue = 99, .state = TcpState::established},
  };
  const std::string text = expose(kernel, "udp_queues");
  CHECK_THAT(text, HasLine("# TYPE node_udp_queues gauge"));
  CHECK_THAT(text, HasLine("node_udp_queues{queue=\"tx\",ip=\"v4\"} 16"));
  CHECK_THAT(text, HasLine("node_udp_queues{queue=\"rx\",ip=\"v4\"} 3872"));
  CHECK_THAT(text, HasLine("node_udp_queues{queue=\"tx\",ip=\"v6\"} 0"));
  CHECK_THAT(text, HasLine("node_udp_queues{queue=\"rx\",ip=\"v6\"} 5"));
}
