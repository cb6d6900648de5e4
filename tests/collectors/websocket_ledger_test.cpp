#include "collectors/websocket_ledger.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;

namespace {

using Time = WebsocketLedger::Time;
using std::chrono::minutes;

constexpr NetnsId kHost{100, 1};
constexpr NetnsId kPod{200, 2};

WebsocketCounters counters(const sx_websocket_counts& counts) {
  WebsocketCounters all{};
  std::memcpy(all.data(), &counts, sizeof counts);
  return all;
}

sx_websocket_counts opened_and_closed(std::uint64_t opened, std::uint64_t closed) {
  sx_websocket_counts counts{};
  counts.opened = opened;
  counts.closed[SX_NORMAL][SX_BY_CLIENT] = closed;
  return counts;
}

WebsocketRecord record(NetnsId netns, std::uint16_t port, const sx_websocket_counts& counts) {
  return {{.netns = netns, .cgroup = 7, .port = port}, counters(counts)};
}

/// A ledger and what a test says to it again and again.
struct Books {
  WebsocketLedger ledger;
  std::vector<NetNs> namespaces{{kHost.inode, "host", kHost.cookie},
                                {kPod.inode, "shop/cart", kPod.cookie, {"shop", "cart", "", ""}}};
  Time now{minutes(1000)};
  std::size_t top = 10;
  Workload workload{};
  bool is_client = false;
  std::optional<std::uint64_t> sockets{};
  WebsocketLedger::Oracle oracle{[this](std::uint64_t) { return workload; },
                                 [this](const WebsocketKey&) { return is_client; },
                                 [this](const WebsocketLabels&) { return sockets; }};

  std::size_t read(const std::vector<WebsocketRecord>& records) {
    ledger.read(records, namespaces, oracle, now);
    return ledger.choose(top, oracle);
  }

  static WebsocketLabels of_host(std::uint16_t port) { return {kHost, "", "", port}; }
  std::optional<std::uint64_t> opened(const WebsocketLabels& wanted) const {
    std::optional<std::uint64_t> found;
    for (const auto& [labels, counters] : ledger.websockets().series()) {
      if (labels == wanted) found = named(counters).opened;
    }
    return found;
  }
};

}  // namespace

TEST_CASE("what is open is what was opened or adopted, and not closed", "[websocket_ledger]") {
  Books books;
  sx_websocket_counts counts = opened_and_closed(5, 3);
  counts.adopted = 2;
  counts.closed[SX_ABNORMAL_FIN][SX_BY_SERVER] = 1;
  books.read({record(kHost, 80, counts)});
  CHECK(books.opened(Books::of_host(80)) == 5);
  CHECK(books.ledger.active(Books::of_host(80)) == 3);
}

TEST_CASE("cgroups with one port are one series", "[websocket_ledger]") {
  Books books;
  WebsocketRecord other = record(kHost, 80, opened_and_closed(2, 1));
  other.key.cgroup = 8;
  books.read({record(kHost, 80, opened_and_closed(5, 3)), other});
  CHECK(books.opened(Books::of_host(80)) == 7);
  CHECK(books.ledger.active(Books::of_host(80)) == 3);
}

TEST_CASE("the connections of a pod carry its name", "[websocket_ledger]") {
  Books books;
  books.read({record(kPod, 80, opened_and_closed(1, 0))});
  CHECK(books.opened({kPod, "shop", "cart", 80}) == 1);
  CHECK(books.ledger.active({kPod, "shop", "cart", 80}) == 1);
}

TEST_CASE("the pod of a cgroup goes before that of its namespace", "[websocket_ledger]") {
  Books books;
  books.workload = {"shop", "gateway", "0123456789ab", "uid"};
  books.read({record(kPod, 80, opened_and_closed(1, 0))});
  CHECK(books.opened({kPod, "shop", "gateway", 80}) == 1);
}

TEST_CASE("open connections move to the rest with their series, as a whole", "[websocket_ledger]") {
  Books books;
  books.top = 1;
  books.read({record(kHost, 80, opened_and_closed(5, 0))});
  CHECK(books.ledger.active(Books::of_host(80)) == 5);
  for (int i = 1; i <= 30; ++i) {
    books.now += minutes(1);
    const auto busy = static_cast<std::uint64_t>(i) * 1000;
    books.read({record(kHost, 80, opened_and_closed(5, i == 30 ? 2 : 0)),
                record(kHost, 81, opened_and_closed(busy, busy))});
  }
  CHECK_FALSE(books.opened(Books::of_host(80)));
  CHECK(books.ledger.active_of_rest(kHost) == 3);
  CHECK(books.ledger.active(Books::of_host(81)) == 0);
  CHECK(named(books.ledger.websockets().rest_of(kHost)).closed[SX_NORMAL][SX_BY_CLIENT] == 2);
}

TEST_CASE("connections of a namespace that is not shown are hidden", "[websocket_ledger]") {
  Books books;
  books.namespaces[1].shown = false;
  books.read({record(kPod, 80, opened_and_closed(4, 1))});
  CHECK(named(books.ledger.websockets().rest_of(NetnsId{})).opened == 4);
  CHECK(books.ledger.active_of_rest(NetnsId{}) == 3);
}

TEST_CASE("only keys without open connections are forgotten, and sums stay", "[websocket_ledger]") {
  Books books;
  std::vector<WebsocketRecord> records;
  for (std::uint16_t port = 1; port <= SX_WEBSOCKET_KEYS / 2 + 1; ++port) {
    records.push_back(record(kHost, port, opened_and_closed(1, port == 1 ? 0 : 1)));
  }
  books.top = records.size();
  books.read(records);
  CHECK(books.ledger.idle(books.oracle).empty());
  books.now += minutes(20);
  books.read(records);
  const auto idle = books.ledger.idle(books.oracle);
  CHECK(idle.size() == records.size() - 1);
  CHECK(idle.end() == std::find(idle.begin(), idle.end(), records.front().key));
  books.sockets = 0;  // a close was missed
  CHECK(books.ledger.idle(books.oracle).size() == records.size());
  books.sockets = 1;
  CHECK(books.ledger.idle(books.oracle) == idle);
  books.ledger.forget({records.data() + 1, records.size() - 1});
  books.read({records.front(), record(kHost, 2, opened_and_closed(3, 3))});
  CHECK(books.opened(Books::of_host(2)) == 4);
  CHECK(books.ledger.active(Books::of_host(1)) == 1);
  CHECK(books.ledger.active(Books::of_host(2)) == 0);
}

TEST_CASE("no more connections are open than there are sockets", "[websocket_ledger]") {
  Books books;
  books.read({record(kHost, 80, opened_and_closed(5, 3))});
  CHECK(books.ledger.active(Books::of_host(80)) == 2);
  books.sockets = 0;
  books.read({record(kHost, 80, opened_and_closed(5, 3))});
  CHECK(books.ledger.active(Books::of_host(80)) == 0);

  SECTION("those inside of TLS and those that are not share them") {
    WebsocketRecord inside = record(kHost, 80, opened_and_closed(4, 0));
    inside.key.tls = true;
    books.sockets = 3;
    books.read({record(kHost, 80, opened_and_closed(5, 3)), inside});
    CHECK(books.ledger.active(Books::of_host(80)) +
              books.ledger.active({kHost, "", "", 80, true}) ==
          3);
  }
}

TEST_CASE("clients of a port have series of their own", "[websocket_ledger]") {
  Books books;
  books.is_client = true;
  books.read({record(kHost, 80, opened_and_closed(5, 3))});
  CHECK(books.ledger.active({kHost, "", "", 80, false, true}) == 2);
  CHECK_FALSE(books.opened(Books::of_host(80)));
}

TEST_CASE("a connection waits until it is known which end is here", "[websocket_ledger]") {
  Books books;
  books.oracle.is_client = [](const WebsocketKey&) { return std::optional<bool>(); };
  books.read({record(kHost, 80, opened_and_closed(5, 3))});
  CHECK(books.ledger.websockets().series().empty());
  books.oracle.is_client = [](const WebsocketKey&) { return true; };
  books.read({record(kHost, 80, opened_and_closed(6, 3))});
  CHECK(books.opened({kHost, "", "", 80, false, true}) == 6);
}
