#include "collectors/kernel/sock_diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "tests/fixtures.h"

using namespace socket_exporter;

namespace {

constexpr std::uint32_t kSequence = 1;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// What `fixtures/capture_sockets.py` saved.
std::vector<Socket> sockets_in(std::string_view file, Protocol protocol) {
  std::vector<Socket> sockets;
  const auto reply = decode_diag_reply(bytes_of(fixture(file)), kSequence, protocol, sockets);
  REQUIRE(reply);
  CHECK(reply->done);
  CHECK_FALSE(reply->interrupted);
  return sockets;
}

long count(const std::vector<Socket>& sockets, Family family, TcpState state) {
  return std::count_if(sockets.begin(), sockets.end(),
                       [&](const Socket& s) { return s.family == family && s.state == state; });
}

std::string message(std::uint16_t type, const std::string& payload, std::uint16_t flags = 0,
                    std::uint32_t sequence = kSequence) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + payload.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = sequence;
  std::string text(sizeof header, '\0');
  std::memcpy(text.data(), &header, sizeof header);
  return text + payload;
}

template <typename T>
std::string raw(const T& value) {
  std::string text(sizeof value, '\0');
  std::memcpy(text.data(), &value, sizeof value);
  return text;
}

std::string row(std::uint8_t state) {
  inet_diag_msg body{};
  body.idiag_state = state;
  return raw(body);
}

std::string done(int error_number) {
  return message(NLMSG_DONE, raw(-error_number));
}

std::string kernel_error(int error_number) {
  nlmsgerr body{};
  body.error = -error_number;
  return message(NLMSG_ERROR, raw(body));
}

Result<DiagReply> decode(const std::string& reply) {
  std::vector<Socket> sockets;
  return decode_diag_reply(bytes_of(reply), kSequence, Protocol::tcp, sockets);
}

}  // namespace

TEST_CASE("a TCP dump has every socket of both families", "[kernel][sock_diag]") {
  const auto sockets = sockets_in("sock_diag/tcp.bin", Protocol::tcp);

  CHECK(count(sockets, Family::ipv4, TcpState::listen) == 3);
  CHECK(count(sockets, Family::ipv4, TcpState::established) == 10);
  CHECK(count(sockets, Family::ipv4, TcpState::fin_wait1) == 1);
  CHECK(count(sockets, Family::ipv4, TcpState::close_wait) == 1);
  CHECK(count(sockets, Family::ipv4, TcpState::time_wait) == 1);
  CHECK(count(sockets, Family::ipv4, TcpState::syn_sent) == 2);
  CHECK(count(sockets, Family::ipv4, TcpState::close) == 1);
  CHECK(count(sockets, Family::ipv6, TcpState::listen) == 1);
  CHECK(count(sockets, Family::ipv6, TcpState::established) == 3);
  CHECK(count(sockets, Family::ipv6, TcpState::time_wait) == 1);
  CHECK(sockets.size() == 25);
  CHECK(sockets.front().state == TcpState::listen);
}

TEST_CASE("a request socket is told from a socket in SYN_RECV", "[kernel][sock_diag]") {
  const auto sockets = sockets_in("sock_diag/tcp.bin", Protocol::tcp);
  CHECK(count(sockets, Family::ipv4, TcpState::new_syn_recv) == 1);
  CHECK(count(sockets, Family::ipv4, TcpState::syn_recv) == 0);

  std::vector<Socket> made;
  const nlattr shutdown{.nla_len = 5, .nla_type = INET_DIAG_SHUTDOWN};
  const std::string full = row(3) + raw(shutdown) + std::string(4, '\0');
  REQUIRE(decode_diag_reply(bytes_of(message(20, full)), kSequence, Protocol::tcp, made));
  REQUIRE(made.size() == 1);
  CHECK(made[0].state == TcpState::syn_recv);
}

TEST_CASE("a dumped socket has its addresses, ports and queues", "[kernel][sock_diag]") {
  const auto sockets = sockets_in("sock_diag/tcp.bin", Protocol::tcp);

  SECTION("a full listener") {
    const auto full = std::find_if(sockets.begin(), sockets.end(), [](const Socket& s) {
      return s.state == TcpState::listen && s.local_port == 8004;
    });
    REQUIRE(full != sockets.end());
    CHECK(to_string(full->local) == "127.0.0.1");
    CHECK(full->receive_queue == 1);
    CHECK(full->send_queue == 0);
    CHECK(full->inode != 0);
  }
  SECTION("TIME_WAIT has time left and no inode") {
    const auto waiting = std::find_if(sockets.begin(), sockets.end(), [](const Socket& s) {
      return s.state == TcpState::time_wait;
    });
    REQUIRE(waiting != sockets.end());
    CHECK(waiting->inode == 0);
    CHECK(waiting->time_wait_left > std::chrono::seconds(50));
    CHECK(waiting->time_wait_left <= std::chrono::seconds(60));
  }
  SECTION("a v4-mapped peer equals the same IPv4 peer") {
    const auto mapped = std::find_if(sockets.begin(), sockets.end(), [](const Socket& s) {
      return s.family == Family::ipv6 && s.remote.is_v4() && s.local_port == 8002;
    });
    REQUIRE(mapped != sockets.end());
    CHECK(mapped->remote == *parse_address("127.0.0.1"));
  }
}

TEST_CASE("UDP dumps are read", "[kernel][sock_diag]") {
  const auto v4 = sockets_in("sock_diag/udp4.bin", Protocol::udp);
  CHECK(v4.size() == 2);
  CHECK(count(v4, Family::ipv4, TcpState::established) == 1);
  const auto v6 = sockets_in("sock_diag/udp6.bin", Protocol::udp);
  REQUIRE(v6.size() == 1);
  CHECK(v6[0].local_port == 5354);
  CHECK(v6[0].protocol == Protocol::udp);
}

TEST_CASE("a reply of another dump is skipped", "[kernel][sock_diag]") {
  std::vector<Socket> sockets;
  const std::string reply = message(20, row(1), 0, kSequence + 7) + message(20, row(2));
  REQUIRE(decode_diag_reply(bytes_of(reply), kSequence, Protocol::tcp, sockets));
  REQUIRE(sockets.size() == 1);
  CHECK(sockets[0].state == TcpState::syn_sent);
}

TEST_CASE("an interrupted dump says so", "[kernel][sock_diag]") {
  const auto reply = decode(message(20, row(1), NLM_F_DUMP_INTR) + done(0));
  REQUIRE(reply);
  CHECK(reply->interrupted);
  CHECK(reply->done);
}

TEST_CASE("the kernel's refusal keeps its meaning", "[kernel][sock_diag]") {
  CHECK(decode(kernel_error(2)).error().kind == Error::Kind::unavailable);
  CHECK(decode(kernel_error(1)).error().kind == Error::Kind::denied);
}

TEST_CASE("a dump that ends in an error is no empty dump", "[kernel][sock_diag]") {
  CHECK(decode(done(2)).error().kind == Error::Kind::unavailable);
  CHECK(decode(message(20, row(1)) + done(12)).error().kind == Error::Kind::io);
  CHECK(decode(done(0))->done);
}

TEST_CASE("an overrun interrupts, and other messages are no sockets", "[kernel][sock_diag]") {
  std::vector<Socket> sockets;
  const std::string text = message(NLMSG_NOOP, row(1)) + message(NLMSG_OVERRUN, "");
  const auto reply = decode_diag_reply(bytes_of(text), kSequence, Protocol::tcp, sockets);
  REQUIRE(reply);
  CHECK(reply->interrupted);
  CHECK(sockets.empty());
}

TEST_CASE("malformed replies are refused", "[kernel][sock_diag]") {
  std::string too_long = message(20, row(1));
  too_long[0] = 127;
  std::string too_short = message(20, row(1));
  too_short[0] = 3;
  const auto reply = GENERATE_COPY(
      std::string("\1\2\3", 3), too_long, too_short, message(20, ""), message(20, row(1).substr(1)),
      message(20, row(0)), message(20, row(13)), message(NLMSG_ERROR, "x"), message(NLMSG_DONE, ""),
      message(NLMSG_DONE, raw(std::numeric_limits<int>::min())));
  const auto decoded = decode(reply);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().kind == Error::Kind::malformed);
}
