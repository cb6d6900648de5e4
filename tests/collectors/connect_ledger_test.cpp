#include "collectors/connect_ledger.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;

namespace {

using Time = ConnectLedger::Time;
using std::chrono::minutes;

constexpr NetnsId kHost{100, 1};
constexpr NetnsId kPod{200, 2};

std::vector<NetNs> host_and_pod() {
  return {{kHost.inode, "host", kHost.cookie}, {kPod.inode, "shop/cart", kPod.cookie}};
}

ConnectRecord record(NetnsId netns, std::string comm, std::uint16_t port, std::uint64_t attempts) {
  ConnectRecord made;
  made.key = {.netns = netns, .cgroup = 7, .comm = std::move(comm)};
  made.key.destination = *parse_address("10.0.0.1");
  made.key.port = port;
  made.counters[SX_ATTEMPTS] = attempts;
  return made;
}

ConnectRecord rest_record(NetnsId netns, std::uint64_t attempts) {
  ConnectRecord made;
  made.key.netns = netns;
  made.key.is_rest = true;
  made.counters[SX_ATTEMPTS] = attempts;
  return made;
}

/// A ledger and what a test says to it again and again.
struct Books {
  ConnectLedger ledger;
  std::vector<NetNs> namespaces = host_and_pod();
  Time now{minutes(1000)};
  std::size_t top = 10;
  int asked = 0;
  Workload workload{};

  ConnectLedger::LeftOut read(const ConnectCounts& counts) {
    ledger.read(
        counts, namespaces,
        [&](std::uint32_t, std::uint64_t) {
          ++asked;
          return workload;
        },
        now);
    return ledger.choose(top);
  }
  ConnectLedger::LeftOut read(std::vector<ConnectRecord> records) {
    return read(ConnectCounts{.connects = std::move(records)});
  }

  /// Attempts of the series of that port; nothing when it is not shown.
  std::optional<std::uint64_t> shown(std::uint16_t port) const {
    std::optional<std::uint64_t> found;
    for (const auto& [labels, counters] : ledger.connects().series()) {
      if (labels.destination.port == port) found = counters[SX_ATTEMPTS];
    }
    return found;
  }
  std::uint64_t rest(NetnsId netns) const { return ledger.connects().rest_of(netns)[SX_ATTEMPTS]; }
};

std::vector<ConnectRecord> half_full(std::uint64_t attempts) {
  std::vector<ConnectRecord> records;
  for (std::uint32_t i = 0; i <= SX_CONNECT_KEYS / 2; ++i) {
    records.push_back(record(kHost, "many", static_cast<std::uint16_t>(i), attempts));
  }
  return records;
}

ConnectTimes times_to(std::uint16_t port, std::uint64_t events) {
  ConnectTimes made{{*parse_address("10.0.0.1"), port}};
  made.times[SX_CLOSE_WAIT] = {events * 1000, events};
  return made;
}

}  // namespace

TEST_CASE("a series grows by what the kernel counted since the last read", "[connect_ledger]") {
  Books books;
  books.read({record(kHost, "curl", 80, 5)});
  CHECK(books.shown(80) == 5);
  books.read({record(kHost, "curl", 80, 12)});
  CHECK(books.shown(80) == 12);
  CHECK(books.rest(kHost) == 0);
}

TEST_CASE("keys with the same labels are one series", "[connect_ledger]") {
  Books books;
  ConnectRecord other_cgroup = record(kHost, "curl", 80, 7);
  other_cgroup.key.cgroup = 8;
  books.read({record(kHost, "curl", 80, 5), other_cgroup});
  CHECK(books.ledger.connects().series().size() == 1);
  CHECK(books.shown(80) == 12);
}

TEST_CASE("labels are asked for once, and the namespace's own workload stands in",
          "[connect_ledger]") {
  Books books;
  books.namespaces[1].workload = {"shop", "cart", "", "uid"};
  SECTION("the cgroup tells") {
    books.workload = {"shop", "cart", "0123456789ab", "uid"};
    books.read({record(kPod, "a\nb", 80, 1)});
    books.read({record(kPod, "a\nb", 80, 2)});
    const ConnectLabels& labels = books.ledger.connects().series().front().labels;
    CHECK(labels.container == "0123456789ab");
    CHECK(labels.comm == "a?b");
    CHECK(books.asked == 1);
  }
  SECTION("the process is gone") {
    books.read({record(kPod, "curl", 80, 1)});
    const ConnectLabels& labels = books.ledger.connects().series().front().labels;
    CHECK(labels.pod_namespace == "shop");
    CHECK(labels.pod == "cart");
    CHECK(labels.container.empty());
  }
}

TEST_CASE("what is not among the top counts in the rest of its namespace", "[connect_ledger]") {
  Books books;
  books.top = 1;
  const auto left_out = books.read(
      {record(kHost, "big", 80, 100), record(kHost, "small", 81, 2), record(kPod, "p", 82, 3)});
  CHECK(left_out.series == 2);
  CHECK(books.shown(80) == 100);
  CHECK_FALSE(books.shown(81));
  CHECK(books.rest(kHost) == 2);
  CHECK(books.rest(kPod) == 3);
}

TEST_CASE("a series begins with what it counts from its admission on", "[connect_ledger]") {
  Books books;
  books.top = 1;
  books.read({record(kHost, "a", 80, 10), record(kHost, "b", 81, 5)});
  books.read({record(kHost, "a", 80, 11), record(kHost, "b", 81, 105)});
  CHECK(books.shown(80) == 11);
  CHECK(books.shown(81) == 100);
  CHECK(books.rest(kHost) == 5);
}

TEST_CASE("a series that left comes back with no less, and no sum loses anything",
          "[connect_ledger]") {
  Books books;
  books.top = 1;
  books.read({record(kHost, "a", 80, 10), record(kHost, "b", 81, 5)});
  books.now += minutes(1);
  books.read({record(kHost, "a", 80, 10), record(kHost, "b", 81, 105)});
  books.now += minutes(6);  // longer than a former member stays
  books.read({record(kHost, "a", 80, 13), record(kHost, "b", 81, 205)});
  CHECK_FALSE(books.shown(80));
  CHECK(books.rest(kHost) == 5 + 3);
  books.now += minutes(1);
  books.read({record(kHost, "a", 80, 1013), record(kHost, "b", 81, 205)});
  CHECK(books.shown(80) == 10 + 1000);
  CHECK(books.shown(81) == 200);
  CHECK(books.rest(kHost) == 8);
}

TEST_CASE("who was busy once gives way to who is busy now", "[connect_ledger]") {
  Books books;
  books.top = 1;
  books.read({record(kHost, "once", 80, 1'000'000), record(kHost, "now", 81, 0)});
  std::uint64_t attempts = 0;
  for (int i = 0; i < 120; ++i) {
    books.now += minutes(1);
    books.read({record(kHost, "once", 80, 1'000'000), record(kHost, "now", 81, attempts += 1000)});
  }
  CHECK_FALSE(books.shown(80));
  CHECK(books.shown(81));
}

TEST_CASE("keys without room count in the rest of their namespace, or of all", "[connect_ledger]") {
  Books books;
  books.read({rest_record(kPod, 4), rest_record(NetnsId{}, 6)});
  CHECK(books.ledger.connects().series().empty());
  CHECK(books.rest(kPod) == 4);
  CHECK(books.rest(NetnsId{}) == 6);
  CHECK(books.asked == 0);
}

TEST_CASE("a namespace that is not shown counts in the rest of all", "[connect_ledger]") {
  Books books;
  books.namespaces[1].shown = false;
  books.read({record(kPod, "p", 80, 4), rest_record(kPod, 1)});
  CHECK(books.ledger.connects().series().empty());
  CHECK(books.rest(NetnsId{}) == 5);
  SECTION("from when it is shown, it counts on its own") {
    books.namespaces[1].shown = true;
    books.read({record(kPod, "p", 80, 10), rest_record(kPod, 3)});
    CHECK(books.shown(80) == 6);
    CHECK(books.rest(kPod) == 2);
    CHECK(books.rest(NetnsId{}) == 5);
  }
}

TEST_CASE("a namespace that is gone takes its series along", "[connect_ledger]") {
  Books books;
  books.read({record(kPod, "p", 80, 4), rest_record(kPod, 1)});
  books.namespaces.pop_back();
  books.read({record(kPod, "p", 80, 4), rest_record(kPod, 1)});
  CHECK(books.ledger.connects().series().empty());
  CHECK(books.rest(kPod) == 0);
  SECTION("and the next one with its inode begins at zero") {
    books.namespaces.push_back({kPod.inode, "shop/other", 300});
    books.read({record(kPod, "p", 80, 4), record({300, kPod.inode}, "p", 80, 2)});
    CHECK(books.ledger.connects().series().size() == 1);
    CHECK(books.shown(80) == 2);
  }
}

TEST_CASE("a key of a namespace that is not yet known waits for it", "[connect_ledger]") {
  Books books;
  books.namespaces.pop_back();
  books.read({record(kPod, "p", 80, 4)});
  CHECK(books.ledger.connects().series().empty());
  books.namespaces = host_and_pod();
  books.read({record(kPod, "p", 80, 9)});
  CHECK(books.shown(80) == 9);
}

TEST_CASE("where cookies are not known the inode tells a namespace", "[connect_ledger]") {
  Books books;
  books.top = 1;
  books.namespaces[0].cookie = 0;
  books.read({record(kHost, "a", 80, 3), record({300, kHost.inode}, "a", 80, 1),
              record(kHost, "b", 81, 2)});
  CHECK(books.ledger.connects().series().size() == 1);
  CHECK(books.shown(80) == 4);
  CHECK(books.rest(NetnsPlaces::slot_of(books.namespaces[0])) == 2);
}

TEST_CASE("idle keys are forgotten only when the kernel's table is over half full",
          "[connect_ledger]") {
  Books books;
  SECTION("few keys stay") {
    books.read({record(kHost, "a", 80, 4)});
    books.now += minutes(60);
    books.read({record(kHost, "a", 80, 4)});
    CHECK(books.ledger.idle().keys.empty());
  }
  SECTION("of many those go that did not change for long, but not the rest of all") {
    auto records = half_full(1);
    records.push_back(rest_record(NetnsId{}, 0));
    books.read(records);
    CHECK(books.ledger.idle().keys.empty());
    books.now += minutes(11);
    records.front().counters[SX_ATTEMPTS] = 2;
    books.read(records);
    CHECK(books.ledger.idle().keys.size() == SX_CONNECT_KEYS / 2);
  }
  SECTION("those of namespaces that are gone too") {
    auto records = half_full(1);
    books.namespaces.clear();
    books.read(records);
    books.now += minutes(11);
    books.read(records);
    CHECK(books.ledger.idle().keys.size() == records.size());
  }
}

TEST_CASE("a forgotten key loses nothing, and begins anew in the same series", "[connect_ledger]") {
  Books books;
  books.read({record(kHost, "a", 80, 4)});
  books.ledger.read(ConnectCounts{.connects = {record(kHost, "a", 80, 5)}}, books.namespaces, {},
                    books.now);
  books.ledger.forget(ConnectCounts{.connects = {record(kHost, "a", 80, 6)}});
  books.ledger.choose(books.top);
  CHECK(books.shown(80) == 6);
  books.read(std::vector<ConnectRecord>{});
  CHECK(books.shown(80) == 6);
  books.read({record(kHost, "a", 80, 3)});
  CHECK(books.shown(80) == 9);
}

TEST_CASE("idle destinations are forgotten only when the kernel's table is over half full",
          "[connect_ledger]") {
  Books books;
  ConnectCounts counts{.times = {ConnectTimes{}}};
  for (std::uint16_t port = 1; port < SX_CONNECT_DESTINATIONS / 2; ++port) {
    counts.times.push_back(times_to(port, 1));
  }
  books.read(counts);
  books.now += minutes(11);
  books.read(counts);
  CHECK(books.ledger.idle().destinations.empty());

  counts.times.push_back(times_to(10'000, 1));
  books.read(counts);
  const auto idle = books.ledger.idle().destinations;
  CHECK(idle.size() == SX_CONNECT_DESTINATIONS / 2 - 1);
  CHECK(std::find(idle.begin(), idle.end(), ConnectDestination{}) == idle.end());
  CHECK(std::find(idle.begin(), idle.end(), counts.times.back().destination) == idle.end());
}

TEST_CASE("a forgotten destination loses no time, and begins anew in the same series",
          "[connect_ledger]") {
  Books books;
  const auto shown = [&] {
    const auto series = books.ledger.times().series();
    REQUIRE(series.size() == 1);
    return part_of(series.front().counters, SX_CLOSE_WAIT)[1];
  };
  books.read(ConnectCounts{.times = {times_to(80, 4)}});
  books.ledger.read(ConnectCounts{.times = {times_to(80, 5)}}, books.namespaces, {}, books.now);
  books.ledger.forget(ConnectCounts{.times = {times_to(80, 6)}});
  books.ledger.choose(books.top);
  CHECK(shown() == 6);
  books.read(ConnectCounts{});
  CHECK(shown() == 6);
  books.read(ConnectCounts{.times = {times_to(80, 3)}});
  CHECK(shown() == 9);
}

TEST_CASE("times of destinations are series of their own, with a rest", "[connect_ledger]") {
  Books books;
  books.top = 1;
  ConnectTimes no_room{};
  no_room.times[SX_CLOSE_WAIT] = {500, 1};
  const auto left_out =
      books.read(ConnectCounts{.times = {times_to(80, 10), times_to(81, 3), no_room}});
  CHECK(left_out.destinations == 1);
  const auto series = books.ledger.times().series();
  REQUIRE(series.size() == 1);
  CHECK(series.front().labels.port == 80);
  CHECK(part_of(series.front().counters, SX_CLOSE_WAIT)[0] == 10'000);
  CHECK(part_of(series.front().counters, SX_CONNECTING) == TimeCounters{});
  const auto rest = part_of(books.ledger.times().rest_of({}), SX_CLOSE_WAIT);
  CHECK(rest[0] == 3500);
  CHECK(rest[1] == 4);
}

TEST_CASE("searches for ports are shown for every namespace", "[connect_ledger]") {
  Books books;
  books.top = 1;
  books.read(ConnectCounts{.searches = {{kHost, {10, 1}}, {kPod, {20, 2}}, {NetnsId{}, {5, 1}}}});
  CHECK(books.ledger.searches().series().size() == 2);
  CHECK(books.ledger.searches().rest_of(NetnsId{})[0] == 5);
}
