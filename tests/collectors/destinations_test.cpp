#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

Socket to(std::string_view address, std::uint16_t port, TcpState state = TcpState::established) {
  return {.remote = *parse_address(address), .netns = 1, .remote_port = port, .state = state};
}

std::string line(std::string_view destination, std::string_view port, std::string_view service,
                 std::string_view state, int value) {
  return fmt::format(
      "socket_destination_sockets{{netns=\"host\",destination=\"{}\",destination_port=\"{}\","
      "peer_service=\"{}\",state=\"{}\",comm=\"\"}} {}",
      destination, port, service, state, value);
}

}  // namespace

TEST_CASE("outgoing sockets are counted by destination and state", "[destinations]") {
  FakeKernel kernel;
  kernel.sockets = {to("10.1.2.3", 443), to("10.1.2.3", 443),
                    to("10.1.2.3", 443, TcpState::time_wait), to("2001:db8::1", 5432)};
  const std::string text = expose(kernel, "destinations");
  CHECK_THAT(text, HasLine(line("10.1.2.3", "443", "", "established", 2)));
  CHECK_THAT(text, HasLine(line("10.1.2.3", "443", "", "time_wait", 1)));
  CHECK_THAT(text, HasLine(line("10.1.2.3", "443", "", "close_wait", 0)));
  CHECK_THAT(text, HasLine(line("2001:db8::1", "5432", "", "established", 1)));
  CHECK_THAT(text, HasLine(line("other", "", "", "established", 0)));
}

TEST_CASE("inbound, listening, bound-only and UDP sockets have no destination", "[destinations]") {
  FakeKernel kernel;
  Socket inbound = to("10.9.9.9", 50000);
  inbound.inbound = true;
  Socket udp = to("10.9.9.9", 53);
  udp.protocol = Protocol::udp;
  kernel.sockets = {inbound, udp, to("0.0.0.0", 0, TcpState::listen),
                    to("0.0.0.0", 0, TcpState::close)};
  CHECK_THAT(expose(kernel, "destinations"),
             !Catch::Contains("10.9.9.9") && !Catch::Contains("0.0.0.0"));
}

TEST_CASE("a destination carries the name that the operator gave it", "[destinations]") {
  FakeKernel kernel;
  kernel.sockets = {to("10.1.2.3", 443)};
  CollectorRunner runner;
  runner.services = ServiceMap({{*parse_cidr("10.1.0.0/16"), 443, "payments"}});
  const auto text = runner.run(kernel, "destinations");
  REQUIRE(text);
  CHECK_THAT(*text, HasLine(line("10.1.2.3", "443", "payments", "established", 1)));
}

TEST_CASE("destinations beyond the top are summed in other", "[destinations]") {
  FakeKernel kernel;
  kernel.sockets = {to("10.0.0.1", 80), to("10.0.0.1", 80), to("10.0.0.2", 80),
                    to("10.0.0.3", 80, TcpState::close_wait)};
  CollectorRunner runner;
  runner.options.top_destinations = 1;
  const auto text = runner.run(kernel, "destinations");
  REQUIRE(text);
  CHECK_THAT(*text, HasLine(line("10.0.0.1", "80", "", "established", 2)));
  CHECK_THAT(*text, HasLine(line("other", "", "", "established", 1)));
  CHECK_THAT(*text, HasLine(line("other", "", "", "close_wait", 1)));
  CHECK_THAT(*text, !Catch::Contains("10.0.0.3"));
  CHECK(runner.history.overflow.at("socket_destination_sockets") == 2);
}

TEST_CASE("a destination that left the top stays for a while", "[destinations]") {
  FakeKernel kernel;
  CollectorRunner runner;
  runner.options.top_destinations = 1;
  kernel.sockets = {to("10.0.0.1", 80), to("10.0.0.1", 80), to("10.0.0.2", 80)};
  REQUIRE(runner.run(kernel, "destinations"));
  kernel.sockets = {to("10.0.0.1", 80), to("10.0.0.2", 80), to("10.0.0.2", 80)};
  const auto text = runner.run(kernel, "destinations");
  REQUIRE(text);
  CHECK_THAT(*text, HasLine(line("10.0.0.1", "80", "", "established", 1)));
  CHECK_THAT(*text, HasLine(line("10.0.0.2", "80", "", "established", 2)));
  CHECK_THAT(*text, HasLine(line("other", "", "", "established", 0)));
}

TEST_CASE("sums stay exact when there are more destinations than the table holds",
          "[destinations]") {
  FakeKernel kernel;
  for (std::uint32_t i = 0; i < 70'000; ++i) {
    Socket socket = to("10.0.0.0", 80);
    socket.remote.bytes[13] = static_cast<std::uint8_t>(i >> 16U);
    socket.remote.bytes[14] = static_cast<std::uint8_t>(i >> 8U);
    socket.remote.bytes[15] = static_cast<std::uint8_t>(i);
    kernel.sockets.push_back(socket);
  }
  kernel.batch_size = 512;
  CollectorRunner runner;
  const auto text = runner.run(kernel, "destinations");
  REQUIRE(text);
  const int shown = static_cast<int>(runner.options.top_destinations);
  CHECK_THAT(*text, HasLine(line("other", "", "", "established", 70'000 - shown)));
}
