#include "collectors/kernel/proc_net_sockets.h"

#include <catch2/catch.hpp>

#include "collectors/base/text.h"
#include "tests/fixtures.h"

using namespace socket_exporter;

namespace {

std::vector<Socket> rows_of(std::string_view file, Protocol protocol, Family family) {
  const std::string text = fixture(file);
  std::string_view rest = text;
  next_line(rest);
  std::vector<Socket> sockets;
  while (!rest.empty()) {
    const auto socket = parse_proc_socket(next_line(rest), protocol, family);
    REQUIRE(socket);
    sockets.push_back(*socket);
  }
  return sockets;
}

}  // namespace

TEST_CASE("/proc/net/tcp rows are read", "[kernel][proc_net_sockets]") {
  const auto sockets = rows_of("sockets/tcp", Protocol::tcp, Family::ipv4);
  REQUIRE(sockets.size() == 19);

  SECTION("a listener has the length of its queue, not its limit") {
    const Socket& full = sockets[2];
    CHECK(full.state == TcpState::listen);
    CHECK(to_string(full.local, full.local_port) == "127.0.0.1:8004");
    CHECK(full.receive_queue == 1);
    CHECK(full.send_queue == kQueueLimitUnknown);
  }
  SECTION("TIME_WAIT has time left and no inode") {
    const Socket& waiting = sockets[9];
    CHECK(waiting.state == TcpState::time_wait);
    CHECK(waiting.inode == 0);
    CHECK(waiting.time_wait_left == std::chrono::milliseconds(0x176F * 10));
  }
  SECTION("a request socket is told from a socket in SYN_RECV") {
    CHECK(sockets[10].state == TcpState::new_syn_recv);
  }
  SECTION("queued bytes") {
    CHECK(sockets[16].state == TcpState::syn_sent);
    CHECK(sockets[16].send_queue == 1);
  }
}

TEST_CASE("/proc/net/tcp6 rows are read", "[kernel][proc_net_sockets]") {
  const auto sockets = rows_of("sockets/tcp6", Protocol::tcp, Family::ipv6);
  REQUIRE(sockets.size() == 5);
  CHECK(to_string(sockets[0].local, sockets[0].local_port) == "[::]:8002");
  CHECK(std::count_if(sockets.begin(), sockets.end(), [](const Socket& s) {
          return s.remote == *parse_address("127.0.0.1");
        }) == 1);
  CHECK(std::count_if(sockets.begin(), sockets.end(),
                      [](const Socket& s) { return s.remote == *parse_address("::1"); }) == 3);
}

TEST_CASE("/proc/net/udp rows are read", "[kernel][proc_net_sockets]") {
  CHECK(rows_of("sockets/udp", Protocol::udp, Family::ipv4).size() == 2);
  const auto v6 = rows_of("sockets/udp6", Protocol::udp, Family::ipv6);
  REQUIRE(v6.size() == 1);
  CHECK(v6[0].state == TcpState::close);
}

TEST_CASE("malformed socket rows are refused", "[kernel][proc_net_sockets]") {
  const auto line =
      GENERATE(as<std::string>{}, "",
               "0:", "0: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0",
               "0: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 x 1",
               "0: 0100007F:1F41 00000000:0000 0A 0000000000000000 00:00000000 00000000 0 0 1 1",
               "0: 0100007F:1F41 00000000:0000 0D 00000000:00000000 00:00000000 00000000 0 0 1 1",
               "0: 0100007F:1F41 00000000:0000 00 00000000:00000000 00:00000000 00000000 0 0 1 1",
               "0: 0100007F:1F41G 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1",
               "0: 0100007G:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1",
               "0: 00000000000000000000000000000000:1F41 00000000:0000 0A 0:0 0:0 0 0 0 1 1");
  CAPTURE(line);
  const auto socket = parse_proc_socket(line, Protocol::tcp, Family::ipv4);
  REQUIRE_FALSE(socket);
  CHECK(socket.error().kind == Error::Kind::malformed);
}
