#include "collectors/port_usage.h"

#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

const IpAddress kHere = *parse_address("10.0.0.5");
const IpAddress kThere = *parse_address("10.1.2.3");

Socket outgoing(std::uint16_t local_port, TcpState state = TcpState::established) {
  return {.local = kHere,
          .remote = kThere,
          .netns = 1,
          .local_port = local_port,
          .remote_port = 443,
          .state = state};
}

Socket bound(std::uint16_t local_port, TcpState state) {
  return {.netns = 1, .local_port = local_port, .state = state, .port_bound = true};
}

// A namespace with 64 ephemeral ports, as the facts about connect() were tried with.
const FakeKernel::Files kSmallRange{{"sys/net/ipv4/ip_local_port_range", "40000\t40063\n"},
                                    {"sys/net/ipv4/ip_local_reserved_ports", "\n"},
                                    {"sys/net/ipv4/tcp_tw_reuse", "0\n"},
                                    {"sys/net/ipv4/tcp_timestamps", "1\n"}};

std::string tuple_line(std::string_view value) {
  return "socket_ephemeral_tuple_ports_used{netns=\"host\",protocol=\"tcp\",source=\"10.0.0.5\","
         "destination=\"10.1.2.3\",destination_port=\"443\",peer_service=\"\",comm=\"\"} " +
         std::string(value);
}

}  // namespace

TEST_CASE("the range, less reserved and bound ports, is usable", "[ephemeral_ports]") {
  FakeKernel kernel;
  kernel.proc_files = kSmallRange;
  kernel.proc_files["sys/net/ipv4/ip_local_reserved_ports"] = "39990-40003,40063,50000\n";
  kernel.sockets = {bound(40010, TcpState::listen), bound(40011, TcpState::close),
                    bound(40010, TcpState::established), bound(80, TcpState::listen)};

  const std::string text = expose(kernel, "ephemeral_ports");

  CHECK_THAT(text, HasLine("socket_ephemeral_port_range_ports{netns=\"host\"} 64"));
  CHECK_THAT(text, HasLine("socket_ephemeral_reserved_ports{netns=\"host\"} 5"));
  CHECK_THAT(text, HasLine("socket_ephemeral_ports_usable{netns=\"host\",protocol=\"tcp\"} 57"));
  CHECK_THAT(text, HasLine("socket_ephemeral_ports_usable{netns=\"host\",protocol=\"udp\"} 59"));
  CHECK_THAT(text, HasLine("socket_ephemeral_ports_used{netns=\"host\",protocol=\"tcp\"} 2"));
}

TEST_CASE("a tuple's ports are counted apart from other tuples", "[ephemeral_ports]") {
  FakeKernel kernel;
  kernel.proc_files = kSmallRange;
  kernel.sockets = {outgoing(40001), outgoing(40002, TcpState::time_wait),
                    outgoing(40003, TcpState::syn_sent)};
  Socket elsewhere = outgoing(40001);
  elsewhere.remote_port = 80;
  kernel.sockets.push_back(elsewhere);
  Socket outside_range = outgoing(1024);
  kernel.sockets.push_back(outside_range);

  const std::string text = expose(kernel, "ephemeral_ports");

  CHECK_THAT(text, HasLine(tuple_line("3")));
  CHECK_THAT(text,
             HasLine("socket_ephemeral_tuple_ports_used_max{netns=\"host\",protocol=\"tcp\"} 3"));
  CHECK_THAT(text, HasLine("socket_ephemeral_ports_used{netns=\"host\",protocol=\"tcp\"} 3"));
}

TEST_CASE("a v4-mapped socket shares the tuple of its IPv4 peer", "[ephemeral_ports]") {
  FakeKernel kernel;
  kernel.proc_files = kSmallRange;
  Socket mapped = outgoing(40002);
  mapped.family = Family::ipv6;
  kernel.sockets = {outgoing(40001), mapped};
  CHECK_THAT(expose(kernel, "ephemeral_ports"), HasLine(tuple_line("2")));
}

TEST_CASE("TIME_WAIT gives its port back as tcp_tw_reuse says", "[ephemeral_ports]") {
  FakeKernel kernel;
  kernel.proc_files = kSmallRange;
  Socket old = outgoing(40001, TcpState::time_wait);
  old.time_wait_left = std::chrono::milliseconds(58'000);
  Socket fresh = outgoing(40002, TcpState::time_wait);
  fresh.time_wait_left = std::chrono::milliseconds(59'500);
  kernel.sockets = {old, fresh};

  SECTION("never with 0") {
    CHECK_THAT(expose(kernel, "ephemeral_ports"), HasLine(tuple_line("2")));
  }
  SECTION("after a second with 1") {
    kernel.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
    CHECK_THAT(expose(kernel, "ephemeral_ports"), HasLine(tuple_line("1")));
  }
  SECTION("after the delay that the kernel has") {
    kernel.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
    kernel.proc_files["sys/net/ipv4/tcp_tw_reuse_delay"] = "100\n";
    CHECK_THAT(expose(kernel, "ephemeral_ports"), HasLine(tuple_line("0")));
  }
  SECTION("not without timestamps") {
    kernel.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
    kernel.proc_files["sys/net/ipv4/tcp_timestamps"] = "0\n";
    CHECK_THAT(expose(kernel, "ephemeral_ports"), HasLine(tuple_line("2")));
  }
  SECTION("with 2 on loopback alone") {
    kernel.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "2\n";
    CHECK_THAT(expose(kernel, "ephemeral_ports"), HasLine(tuple_line("2")));
    for (Socket& socket : kernel.sockets) socket.remote = *parse_address("127.0.0.1");
    CHECK_THAT(expose(kernel, "ephemeral_ports"),
               HasLine("socket_ephemeral_tuple_ports_used_max{netns=\"host\",protocol=\"tcp\"} 1"));
  }
}

TEST_CASE("a UDP port is taken from every destination", "[ephemeral_ports]") {
  FakeKernel kernel;
  kernel.proc_files = kSmallRange;
  kernel.sockets = {
      {.netns = 1, .local_port = 40001, .protocol = Protocol::udp},
      {.remote = kThere, .netns = 1, .local_port = 40002, .protocol = Protocol::udp},
      {.remote = kThere, .netns = 1, .local_port = 40002, .protocol = Protocol::udp},
      {.netns = 1, .local_port = 53, .protocol = Protocol::udp},
  };
  const std::string text = expose(kernel, "ephemeral_ports");
  CHECK_THAT(text, HasLine("socket_ephemeral_ports_used{netns=\"host\",protocol=\"udp\"} 2"));
  CHECK_THAT(text,
             HasLine("socket_ephemeral_tuple_ports_used_max{netns=\"host\",protocol=\"udp\"} 2"));
  CHECK_THAT(text, HasLine("socket_ephemeral_tuple_ports_used{netns=\"host\",protocol=\"udp\","
                           "source=\"*\",destination=\"*\",destination_port=\"*\","
                           "peer_service=\"\",comm=\"\"} 2"));
}

TEST_CASE("only the fullest tuples are shown, the others counted as overflow",
          "[ephemeral_ports]") {
  FakeKernel kernel;
  kernel.proc_files = kSmallRange;
  for (std::uint16_t port = 1; port <= 5; ++port) {
    Socket socket = outgoing(static_cast<std::uint16_t>(40000 + port));
    socket.remote_port = port;
    kernel.sockets.push_back(socket);
  }
  kernel.sockets.push_back(outgoing(40010));
  kernel.sockets.push_back(outgoing(40011));
  CollectorRunner runner;
  runner.options.top_tuples = 1;
  const auto text = runner.run(kernel, "ephemeral_ports");
  REQUIRE(text);
  CHECK_THAT(*text, HasLine(tuple_line("2")));
  CHECK_THAT(*text, !Catch::Contains("destination_port=\"3\""));
  CHECK(runner.history.overflow.at("socket_ephemeral_tuple_ports_used") == 5);
}

TEST_CASE("beyond the table's limit sockets are counted as lost", "[ephemeral_ports]") {
  FakeKernel kernel;
  kernel.proc_files = kSmallRange;
  const auto tuples = PortUsage::kMaxTuples + 10;
  for (std::size_t i = 0; i < tuples; ++i) {
    Socket socket = outgoing(40001);
    socket.remote.bytes[13] = static_cast<std::uint8_t>(i >> 16U);
    socket.remote.bytes[14] = static_cast<std::uint8_t>(i >> 8U);
    socket.remote.bytes[15] = static_cast<std::uint8_t>(i);
    kernel.sockets.push_back(socket);
  }
  CollectorRunner runner;
  REQUIRE(runner.run(kernel, "ephemeral_ports"));
  CHECK(runner.history.overflow.at("socket_ephemeral_tuple_ports_used") ==
        tuples - runner.options.top_tuples);
}

TEST_CASE("an unreadable range fails the collector and names the file", "[ephemeral_ports]") {
  FakeKernel kernel;
  kernel.proc_files = kSmallRange;
  kernel.proc_files.erase("sys/net/ipv4/ip_local_port_range");
  CHECK_THAT(expose_error(kernel, "ephemeral_ports").what, Catch::Contains("ip_local_port_range"));
}
