#include "collectors/kernel/tcp_walk.h"

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

constexpr WalkLanes kBothWays[] = {WalkLanes::one, WalkLanes::eight};
constexpr std::chrono::milliseconds kTimeApart{1100};

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

std::vector<Socket> walked(TcpWalk& walk, const Namespace& ns, WalkLanes lanes) {
  std::vector<Socket> sockets;
  const auto stats =
      walk.walk(ns.inode(), lanes, in_seconds(30), [&](std::span<const Socket> batch) {
        sockets.insert(sockets.end(), batch.begin(), batch.end());
      });
  REQUIRE(stats);
  CHECK(stats->sockets >= sockets.size());
  CHECK(std::all_of(sockets.begin(), sockets.end(),
                    [&](const Socket& s) { return s.netns == ns.inode(); }));
  return sorted(std::move(sockets));
}

std::vector<Socket> dumped() {
  std::vector<Socket> sockets;
  auto diag = SockDiag::open();
  REQUIRE(diag);
  const auto reply = diag->dump_tcp_connected(in_seconds(30), [&](std::span<const Socket> batch) {
    sockets.insert(sockets.end(), batch.begin(), batch.end());
  });
  REQUIRE(reply);
  return sorted(std::move(sockets));
}

bool is_same(const Socket& a, const Socket& b) {
  const auto apart = std::chrono::duration_cast<std::chrono::milliseconds>(a.time_wait_left) -
                     std::chrono::duration_cast<std::chrono::milliseconds>(b.time_wait_left);
  return values_of(a) == values_of(b) && std::chrono::abs(apart) <= kTimeApart;
}

/// Delayed acknowledgements still move the queues for a moment: waits until both agree.
void check_equal_to_dump(TcpWalk& walk, const Namespace& ns, WalkLanes lanes) {
  std::vector<Socket> walk_saw;
  std::vector<Socket> dump_saw;
  const auto equal = [&] {
    walk_saw = walked(walk, ns, lanes);
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

TcpWalk opened_walk() {
  auto walk = TcpWalk::open();
  REQUIRE(walk);
  return std::move(*walk);
}

}  // namespace

TEST_CASE("the walk tells of each socket what inet_diag tells") {
  TcpWalk walk = opened_walk();
  const Namespace ns;
  const EveryState sockets;

  const std::set<TcpState> expected{TcpState::established, TcpState::syn_sent,
                                    TcpState::fin_wait2,   TcpState::time_wait,
                                    TcpState::close_wait,  TcpState::new_syn_recv};
  std::set<TcpState> states;
  const Deadline limit = in_seconds(10);  // a FIN is acknowledged a little later
  while (states != expected && std::chrono::steady_clock::now() < limit) {
    states.clear();
    for (const Socket& socket : walked(walk, ns, WalkLanes::one)) states.insert(socket.state);
  }
  CHECK(states == expected);
  for (const WalkLanes lanes : kBothWays) check_equal_to_dump(walk, ns, lanes);
}

TEST_CASE("the walk sees each of many sockets once, whatever the size of the table") {
  TcpWalk walk = opened_walk();
  // The common table, mostly empty; then chains of 5, 150 and 1,250 sockets, of which eight are
  // more than one run can hold.
  const int buckets = GENERATE(0, 8192, 256, 32);
  const Namespace ns(buckets);
  const EveryState sockets;
  fill_with_time_wait(40'000);

  for (const WalkLanes lanes : kBothWays) check_equal_to_dump(walk, ns, lanes);
}

TEST_CASE("sockets that do not change are seen once in each walk while others come and go") {
  TcpWalk walk = opened_walk();
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
    for (const Socket& socket : walked(walk, ns, kBothWays[i % 2])) ++seen[key_of(socket)];
    wrong += static_cast<std::uint64_t>(
        std::count_if(still.begin(), still.end(), [&](const Key& key) { return seen[key] != 1; }));
  }
  stop = true;
  churn.join();
  CHECK(wrong == 0);
}

TEST_CASE("a table with one endless chain is refused") {
  TcpWalk walk = opened_walk();
  const Namespace ns(1);
  fill_with_time_wait(10'000);
  for (const WalkLanes lanes : kBothWays) {
    const auto stats = walk.walk(ns.inode(), lanes, in_seconds(30), [](std::span<Socket>) {});
    REQUIRE_FALSE(stats);
    CHECK(stats.error().kind == Error::Kind::unavailable);
  }
}

TEST_CASE("a passed deadline ends a walk") {
  TcpWalk walk = opened_walk();
  const auto stats = walk.walk(0, WalkLanes::one, in_seconds(-1), [](std::span<Socket>) {});
  REQUIRE_FALSE(stats);
  CHECK(stats.error().kind == Error::Kind::timeout);
}

TEST_CASE("eight lanes are for full tables") {
  CHECK(lanes_for({}) == WalkLanes::one);
  CHECK(lanes_for({.sockets = 262'144, .buckets = 262'144}) == WalkLanes::one);
  CHECK(lanes_for({.sockets = 600'000, .buckets = 262'144}) == WalkLanes::eight);
  CHECK(lanes_for({.sockets = 600'000, .buckets = 4}) == WalkLanes::one);
}
