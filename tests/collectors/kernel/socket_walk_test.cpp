#include "collectors/kernel/socket_walk.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "collectors/kernel/sock_diag.h"
#include "tests/collectors/kernel/netns_sockets.h"

using namespace socket_exporter;

namespace {

constexpr std::chrono::milliseconds kTimeApart{1100};
constexpr SocketTable kUdp{Protocol::udp};

Deadline in_seconds(int seconds) {
  return std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
}

using Key = std::tuple<Family, IpAddress, std::uint16_t, IpAddress, std::uint16_t>;

Key key_of(const Socket& s) {
  return {s.family, s.local, s.local_port, s.remote, s.remote_port};
}

/// All that a scrape reads, the time aside.
auto values_of(const Socket& s) {
  return std::tuple(key_of(s), s.state, s.receive_queue, s.send_queue, s.protocol);
}

std::vector<Socket> sorted(std::vector<Socket> sockets) {
  std::sort(sockets.begin(), sockets.end(),
            [](const Socket& a, const Socket& b) { return values_of(a) < values_of(b); });
  return sockets;
}

auto collect_into(std::vector<Socket>& sockets) {
  return [&sockets](std::span<const Socket> batch) {
    sockets.insert(sockets.end(), batch.begin(), batch.end());
  };
}

std::vector<Socket> walked(SocketWalk& walk, const Namespace& ns) {
  std::vector<Socket> sockets;
  const auto stats = walk.sockets({}, {ns.inode()}, in_seconds(30), collect_into(sockets));
  REQUIRE(stats);
  CHECK(stats->sockets >= sockets.size());
  CHECK(std::all_of(sockets.begin(), sockets.end(),
                    [&](const Socket& s) { return s.netns == ns.inode(); }));
  return sorted(std::move(sockets));
}

template <typename Dump>
std::vector<Socket> dumped_by(const Dump& dump) {
  std::vector<Socket> sockets;
  auto diag = SockDiag::open();
  REQUIRE(diag);
  REQUIRE(dump(*diag, collect_into(sockets)));
  return sorted(std::move(sockets));
}

std::vector<Socket> dumped() {
  auto sockets = dumped_by([](SockDiag& diag, const SockDiag::Sink& sink) {
    return diag.dump_tcp_but_bound(in_seconds(30), sink);
  });
  std::erase_if(sockets, [](const Socket& s) { return s.state == TcpState::listen; });
  return sockets;
}

bool is_same(const Socket& a, const Socket& b) {
  const auto apart = std::chrono::duration_cast<std::chrono::milliseconds>(a.time_wait_left) -
                     std::chrono::duration_cast<std::chrono::milliseconds>(b.time_wait_left);
  return values_of(a) == values_of(b) && std::chrono::abs(apart) <= kTimeApart;
}

/// Delayed acknowledgements still move the queues for a moment: waits until both agree.
void check_equal_to_dump(SocketWalk& walk, const Namespace& ns) {
  std::vector<Socket> walk_saw;
  std::vector<Socket> dump_saw;
  const auto equal = [&] {
    walk_saw = walked(walk, ns);
    dump_saw = dumped();
    return std::equal(walk_saw.begin(), walk_saw.end(), dump_saw.begin(), dump_saw.end(), is_same);
  };
  const Deadline limit = in_seconds(10);
  while (!equal() && std::chrono::steady_clock::now() < limit) {
  }
  REQUIRE(walk_saw.size() == dump_saw.size());
  for (std::size_t i = 0; i < walk_saw.size(); ++i) {
    INFO(to_string(walk_saw[i].local, walk_saw[i].local_port)
         << " " << to_string(walk_saw[i].state) << " or " << to_string(dump_saw[i].state));
    REQUIRE(is_same(walk_saw[i], dump_saw[i]));
  }
}

SocketWalk opened_walk() {
  auto walk = SocketWalk::open();
  REQUIRE(walk);
  return std::move(*walk);
}

}  // namespace

TEST_CASE("the walk tells of each socket what inet_diag tells") {
  SocketWalk walk = opened_walk();
  const Namespace ns;
  const EveryState sockets;

  const std::set<TcpState> expected{
      TcpState::established, TcpState::syn_sent, TcpState::fin_wait2,   TcpState::time_wait,
      TcpState::close_wait,  TcpState::last_ack, TcpState::new_syn_recv};
  std::set<TcpState> states;
  const Deadline limit = in_seconds(10);  // a FIN is acknowledged a little later
  while (states != expected && std::chrono::steady_clock::now() < limit) {
    states.clear();
    for (const Socket& socket : walked(walk, ns)) states.insert(socket.state);
  }
  CHECK(states == expected);
  check_equal_to_dump(walk, ns);
}

TEST_CASE("the walk sees each of many sockets once, whatever the size of the table") {
  SocketWalk walk = opened_walk();
  // The common table, mostly empty; then chains of 5, 150 and over 2,500 sockets: more than a run
  // is asked for.
  const int buckets = GENERATE(0, 8192, 256, 16);
  const Namespace ns(buckets);
  const EveryState sockets;
  fill_with_time_wait(40'000);

  check_equal_to_dump(walk, ns);
}

TEST_CASE("sockets that do not change are seen once in each walk while others come and go") {
  SocketWalk walk = opened_walk();
  const Namespace ns(256);
  const EveryState sockets;
  fill_with_time_wait(4'000);
  std::set<Key> still;
  for (const Socket& socket : dumped()) still.insert(key_of(socket));

  Server server("127.0.0.1");
  std::atomic<bool> stop = false;
  std::thread churn([&] {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    while (!stop) {
      const Connection connection = server.connection();
      setsockopt(connection.client.number(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
  });
  std::uint64_t wrong = 0;
  for (int i = 0; i < 300; ++i) {
    std::map<Key, int> seen;
    for (const Socket& socket : walked(walk, ns)) ++seen[key_of(socket)];
    wrong += static_cast<std::uint64_t>(
        std::count_if(still.begin(), still.end(), [&](const Key& key) { return seen[key] != 1; }));
  }
  stop = true;
  churn.join();
  CHECK(wrong == 0);
}

TEST_CASE("listeners are those of inet_diag, with their inodes and queues") {
  SocketWalk walk = opened_walk();
  const Namespace ns;
  const EveryState sockets;
  std::vector<Socket> seen;
  REQUIRE(walk.listeners({ns.inode()}, in_seconds(30), collect_into(seen)));
  seen = sorted(std::move(seen));
  const auto expected = dumped_by([](SockDiag& diag, const SockDiag::Sink& sink) {
    return diag.dump_tcp_listeners(in_seconds(30), sink);
  });

  REQUIRE(seen.size() == 5);
  REQUIRE(seen.size() == expected.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CHECK(values_of(seen[i]) == values_of(expected[i]));
    CHECK(seen[i].inode == expected[i].inode);
    CHECK(seen[i].inode != 0);
  }
}

TEST_CASE("established sockets have their inodes when these are asked for") {
  SocketWalk walk = opened_walk();
  const Namespace ns;
  const EveryState sockets;
  std::map<Key, std::uint32_t> seen;
  REQUIRE(walk.sockets({}, {ns.inode(), true}, in_seconds(30), [&](std::span<const Socket> batch) {
    for (const Socket& s : batch) seen[key_of(s)] = s.inode;
  }));
  std::map<Key, std::uint32_t> expected;
  for (const Socket& s : dumped()) expected[key_of(s)] = s.inode;
  CHECK(seen == expected);
}

TEST_CASE("bound ports are those that connect() does not take") {
  SocketWalk walk = opened_walk();
  const Namespace ns;
  Server server("127.0.0.1");
  const Connection chosen_by_connect = server.connection();
  const Fd bound_only = bound_socket("127.0.0.1");
  const Fd bound_only_v6 = bound_socket("::1");
  const Fd connected = bound_socket("127.0.0.1");
  Endpoint to = server.address();
  REQUIRE(connect(connected.number(), to.name(), to.length) == 0);

  std::set<std::uint16_t> ports;
  std::vector<Socket> sockets;
  const SocketWalk::Sink keep = collect_into(sockets);
  REQUIRE(walk.bound(
      {ns.inode()}, in_seconds(30),
      [&](std::uint32_t netns, std::uint16_t port) {
        CHECK(netns == ns.inode());
        ports.insert(port);
      },
      &keep));

  CHECK(ports == std::set<std::uint16_t>{port_of(server.address()), port_of(bound_only),
                                         port_of(bound_only_v6), port_of(connected)});
  const auto expected = dumped_by([](SockDiag& diag, const SockDiag::Sink& sink) {
    return diag.dump_tcp_bound(in_seconds(30), sink);
  });
  REQUIRE(expected.size() == 2);
  sockets = sorted(std::move(sockets));
  REQUIRE(sockets.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(values_of(sockets[i]) == values_of(expected[i]));
    CHECK(sockets[i].inode == expected[i].inode);
  }
}

TEST_CASE("a port with more owners than are looked at is counted in its own namespace") {
  SocketWalk walk = opened_walk();
  const Namespace ns;
  constexpr std::size_t kMost = 8'192;
  std::vector<Fd> fds;
  const auto bind_until = [&fds](std::size_t many, Endpoint to) {
    while (fds.size() < many) {
      const int on = 1;
      Fd& socket = fds.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
      REQUIRE(setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
      REQUIRE(bind(socket.number(), to.name(), to.length) == 0);
    }
  };
  const auto look = [&walk](std::uint32_t netns, std::size_t expected) {
    std::vector<Socket> sockets;
    const SocketWalk::Sink keep = collect_into(sockets);
    const auto stats = walk.bound({netns}, in_seconds(30), {}, &keep);
    REQUIRE(stats);
    CHECK(sockets.size() == expected);
    return stats->unread_ports;
  };
  bind_until(1, Endpoint("127.0.0.1"));
  bind_until(kMost, address_of(fds.front()));
  CHECK(look(ns.inode(), kMost) == 0);
  bind_until(kMost + 2, address_of(fds.front()));
  CHECK(look(ns.inode(), kMost) == 1);
  const Namespace other;
  CHECK(look(other.inode(), 0) == 0);
}

TEST_CASE("UDP sockets are those of inet_diag") {
  SocketWalk walk = opened_walk();
  const Namespace ns;
  const Fd receiver = bound_socket("127.0.0.1", SOCK_DGRAM);
  const Fd receiver_v6 = bound_socket("::1", SOCK_DGRAM);
  const Fd any_v6 = bound_socket("::", SOCK_DGRAM);
  const Fd sender(socket(AF_INET, SOCK_DGRAM, 0));
  Endpoint to = address_of(receiver);
  REQUIRE(connect(sender.number(), to.name(), to.length) == 0);
  REQUIRE(send(sender.number(), "four", 4, 0) == 4);

  std::vector<Socket> seen;
  REQUIRE(walk.sockets(kUdp, {ns.inode(), true}, in_seconds(30), collect_into(seen)));
  seen = sorted(std::move(seen));
  std::vector<Socket> expected;
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    const auto part = dumped_by([&](SockDiag& diag, const SockDiag::Sink& sink) {
      return diag.dump_udp(family, in_seconds(30), sink);
    });
    expected.insert(expected.end(), part.begin(), part.end());
  }
  expected = sorted(std::move(expected));

  REQUIRE(seen.size() == 4);
  REQUIRE(expected.size() == 4);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CHECK(values_of(seen[i]) == values_of(expected[i]));
    CHECK(seen[i].inode == expected[i].inode);
  }
}

TEST_CASE("thousands of UDP sockets may share a port") {
  SocketWalk walk = opened_walk();
  const Namespace ns;
  constexpr std::size_t kSockets = 3'000;
  std::vector<Fd> fds;
  Endpoint to("127.0.0.1");
  for (std::size_t i = 0; i < kSockets; ++i) {
    const int on = 1;
    Fd& socket = fds.emplace_back(::socket(AF_INET, SOCK_DGRAM, 0));
    REQUIRE(setsockopt(socket.number(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    REQUIRE(bind(socket.number(), to.name(), to.length) == 0);
    if (i == 0) to = address_of(socket);
  }
  std::vector<Socket> seen;
  REQUIRE(walk.sockets(kUdp, {ns.inode()}, in_seconds(30), collect_into(seen)));
  CHECK(seen.size() == kSockets);
}

TEST_CASE("one walk sees the sockets of all namespaces") {
  SocketWalk walk = opened_walk();
  const Namespace first;
  const std::uint32_t first_inode = first.inode();
  Server one("127.0.0.1");
  const Connection in_first = one.connection();
  const Namespace second;
  Server other("::1");
  const Connection in_second = other.connection();

  std::map<std::uint32_t, int> seen;
  const auto count = [&](std::span<const Socket> batch) {
    for (const Socket& socket : batch) ++seen[socket.netns];
  };
  REQUIRE(walk.sockets({}, {}, in_seconds(30), count));
  REQUIRE(walk.listeners({}, in_seconds(30), count));
  CHECK(seen[first_inode] == 3);
  CHECK(seen[second.inode()] == 3);
}

TEST_CASE("a passed deadline ends a walk") {
  SocketWalk walk = opened_walk();
  const auto stats = walk.sockets({}, {}, in_seconds(-1), [](std::span<Socket>) {});
  REQUIRE_FALSE(stats);
  CHECK(stats.error().kind == Error::Kind::timeout);
}
