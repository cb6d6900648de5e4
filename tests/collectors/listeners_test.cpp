#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

Socket listener(std::uint16_t port, std::uint32_t queue, std::uint32_t limit) {
  return {.local = *parse_address("0.0.0.0"),
          .netns = 1,
          .receive_queue = queue,
          .send_queue = limit,
          .local_port = port,
          .state = TcpState::listen};
}

Socket accepted(std::uint16_t port, TcpState state) {
  return {.netns = 1, .local_port = port, .state = state, .inbound = true};
}

constexpr auto kLength =
    "socket_listen_queue_length{netns=\"host\",address=\"0.0.0.0\",port=\"80\",comm=\"\"} ";
constexpr auto kLimit =
    "socket_listen_queue_limit{netns=\"host\",address=\"0.0.0.0\",port=\"80\",comm=\"\"} ";

}  // namespace

TEST_CASE("inbound sockets are counted per listening port", "[listeners]") {
  FakeKernel kernel;
  kernel.sockets = {listener(80, 0, 128),
                    listener(8080, 0, 128),
                    accepted(80, TcpState::established),
                    accepted(80, TcpState::established),
                    accepted(80, TcpState::close_wait),
                    {.netns = 1, .local_port = 50000, .state = TcpState::established}};
  const std::string text = expose(kernel, "listeners");
  CHECK_THAT(text,
             HasLine("socket_inbound_sockets{netns=\"host\",port=\"80\",state=\"established\"} 2"));
  CHECK_THAT(text,
             HasLine("socket_inbound_sockets{netns=\"host\",port=\"80\",state=\"close_wait\"} 1"));
  CHECK_THAT(
      text,
      HasLine("socket_inbound_sockets{netns=\"host\",port=\"8080\",state=\"established\"} 0"));
  CHECK_THAT(text, !Catch::Contains("50000"));
}

TEST_CASE("a listener shows its accept queue and its limit", "[listeners]") {
  FakeKernel kernel;
  kernel.sockets = {listener(80, 3, 128)};
  const std::string text = expose(kernel, "listeners");
  CHECK_THAT(text, HasLine(kLength + std::string("3")));
  CHECK_THAT(text, HasLine(kLimit + std::string("128")));
}

TEST_CASE("of listeners that share an address the fullest is shown", "[listeners]") {
  FakeKernel kernel;
  kernel.sockets = {listener(80, 0, 128), listener(80, 129, 128), listener(80, 200, 1000)};
  const std::string text = expose(kernel, "listeners");
  CHECK_THAT(text, HasLine(kLength + std::string("129")));
  CHECK_THAT(text, HasLine(kLimit + std::string("128")));
}

TEST_CASE("a listener carries the name of its process", "[listeners]") {
  FakeKernel kernel;
  kernel.sockets = {listener(80, 3, 128), listener(443, 3, 128)};
  kernel.sockets[0].inode = 500;
  kernel.owners = Owners({{10, "ng\x1binx", 5, 1024}}, {{500, 0}}, 0);
  const std::string text = expose(kernel, "listeners");
  for (const std::string queue : {"length", "limit"}) {
    const std::string line =
        "socket_listen_queue_" + queue + "{netns=\"host\",address=\"0.0.0.0\",";
    CHECK_THAT(text, Catch::Contains(line + "port=\"80\",comm=\"ng?inx\"}"));
    CHECK_THAT(text, Catch::Contains(line + "port=\"443\",comm=\"\"}"));
  }
}

TEST_CASE("a limit that nobody tells is absent", "[listeners]") {
  FakeKernel kernel;
  kernel.sockets = {listener(80, 3, kQueueLimitUnknown)};
  const std::string text = expose(kernel, "listeners");
  CHECK_THAT(text, HasLine(kLength + std::string("3")));
  CHECK_THAT(text, !Catch::Contains("socket_listen_queue_limit{"));
}
