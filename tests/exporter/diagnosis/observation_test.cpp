#include "exporter/diagnosis/observation.h"

#include <catch2/catch.hpp>

#include "exporter/diagnosis/opening_words.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;
using std::chrono::duration;
using std::chrono::milliseconds;

namespace {

const IpAddress kThere = *parse_address("10.1.2.3");

ConnectRecord record(std::string comm, std::uint64_t attempts, std::uint32_t pid = 42) {
  ConnectRecord made;
  made.key = {.netns = {100, 1}, .cgroup = 7, .comm = std::move(comm), .destination = kThere};
  made.key.port = 443;
  made.counters[SX_ATTEMPTS] = attempts;
  made.pid = pid;
  return made;
}

Observation between(const ConnectCounts& before, const ConnectCounts& after) {
  return difference(before, after, duration<double>(2), [](std::uint32_t, std::uint64_t cgroup) {
    return cgroup == 8 ? Workload{"shop", "cart-7", "", "uid"} : Workload{};
  });
}

SeenWatch of_host(const Observation& observed) {
  return watch_of(observed, {1, "host", 100},
                  ServiceMap({{*parse_cidr("10.1.0.0/16"), 443, "payments"}}));
}

}  // namespace

TEST_CASE("What was counted before the watch is not in it", "[observation]") {
  const ConnectCounts before{.connects = {record("old", 10), record("checkout", 10)}};
  const ConnectCounts after{
      .connects = {record("old", 10), record("checkout", 500, 43), record("\x1b[2J", 1)}};

  const SeenWatch watch = of_host(between(before, after));

  REQUIRE(watch.openings.size() == 1);
  const SeenOpenings& openings = watch.openings.front();
  CHECK(openings.service == "payments");
  CHECK(openings.counts.attempts() == 491);
  REQUIRE(openings.openers.size() == 2);
  CHECK(to_string(openings.openers[0].process) == "checkout (pid 43)");
  CHECK(openings.openers[1].process.comm == "?[2J");
  CHECK(watch.find(kThere, 443) == &openings);
  CHECK(watch.find(kThere, 80) == nullptr);
}

TEST_CASE("A counter that was forgotten during the watch began anew", "[observation]") {
  const ConnectCounts before{.connects = {record("checkout", 500)}};
  const ConnectCounts after{.connects = {record("checkout", 3)}};
  const SeenWatch watch = of_host(between(before, after));
  REQUIRE(watch.openings.size() == 1);
  CHECK(watch.openings.front().counts.attempts() == 3);
}

TEST_CASE("Each namespace has its own openers", "[observation]") {
  ConnectRecord other = record("cart", 5);
  other.key.netns = {200, 2};
  ConnectRecord gone = record("cart", 9);
  gone.key.netns = {99, 1};
  ConnectRecord rest;
  rest.key.is_rest = true;
  rest.counters[SX_ATTEMPTS] = 7;
  const Observation seen = between({}, {.connects = {other, gone, rest, record("checkout", 1)}});
  CHECK(of_host(seen).openings.at(0).openers.size() == 1);
  CHECK(watch_of(seen, {2, "shop/cart"}, {}).openings.at(0).counts.attempts() == 5);
  CHECK(watch_of(seen, {3, "idle"}, {}).openings.empty());
}

TEST_CASE("Destinations and openers come with most attempts first", "[observation]") {
  ConnectRecord elsewhere = record("curl", 3);
  elsewhere.key.port = 80;
  const SeenWatch watch =
      of_host(between({}, {.connects = {record("worker", 1), elsewhere, record("checkout", 4)}}));
  REQUIRE(watch.openings.size() == 2);
  CHECK(watch.openings[0].destination.port == 443);
  CHECK(watch.openings[0].openers[0].process.comm == "checkout");
}

TEST_CASE("The median lifetime is found within its bucket", "[observation]") {
  ConnectTimes times{{kThere, 443}};
  ConnectTimes before = times;
  TimeCounters& lived = times.times[SX_ESTABLISHED];
  const auto median = [&] {
    const auto seen =
        between({.times = {before}}, {.connects = {record("a", 1)}, .times = {times}});
    return of_host(seen).openings.at(0).lifetime;
  };
  CHECK_FALSE(median());
  lived[1 + 8] = 2;  // from 8.192 to 16.384 ms
  CHECK(median()->count() == Approx(0.012288));
  lived[1 + 20] = 1;
  CHECK(median()->count() == Approx(0.008192 * 1.75));
  lived[1 + 0] = 100;
  CHECK(median()->count() == Approx(0.000064 * 0.515));
  lived = {};
  lived[SX_BUCKETS] = 1;  // it has no end
  CHECK(median()->count() == Approx(4294.967296));
  before = times;
  CHECK_FALSE(median());
}

TEST_CASE("Openers are named with their parts, and how their connections fare", "[observation]") {
  ConnectRecord checkout = record("checkout", 830);
  checkout.counters[SX_CLOSED_ACTIVE] = 830;
  checkout.counters[SX_SHORT_LIVED] = 822;
  std::vector<ConnectRecord> records{checkout};
  ConnectTimes times{{kThere, 443}};
  times.times[SX_ESTABLISHED][1 + 8] = 400;
  const auto sentence = [&] {
    const SeenWatch watch = of_host(between({}, {.connects = records, .times = {times}}));
    return opening_sentence(watch, watch.openings.at(0));
  };
  SECTION("one") {
    CHECK(sentence() ==
          "checkout (pid 42) opens 415 connections/s to it; each lives 12 ms (median), 99 % under "
          "a second.");
  }
  SECTION("several") {
    records.push_back(record("worker", 170, 0));
    records.back().key.cgroup = 8;
    CHECK(sentence() ==
          "checkout (pid 42) 83 %, worker (shop/cart-7) 17 % open 500 connections/s to it; each "
          "lives 12 ms (median), 99 % under a second.");
    records.push_back(record("a", 100));
    records.push_back(record("b", 50));
    CHECK_THAT(sentence(), Catch::StartsWith("checkout (pid 42) 72 %, worker (shop/cart-7) 14 %, "
                                             "a (pid 42) 8 %, others 4 % open 575 connections/s"));
  }
  SECTION("most are open still") {
    records.front().counters[SX_CLOSED_ACTIVE] = records.front().counters[SX_SHORT_LIVED] = 208;
    CHECK(sentence() ==
          "checkout (pid 42) opens 415 connections/s to it; each lives 12 ms (median), 100 % under "
          "a second, of the 25 % that ended meanwhile.");
  }
  SECTION("all in vain") {
    records.front().counters = {};
    records.front().counters[SX_ATTEMPTS] = records.front().counters[SX_FAILED_NO_PORT] = 3;
    times = {};
    CHECK(sentence() == "checkout (pid 42) tries to open 1.5 connections/s to it, in vain.");
  }
  SECTION("on one line") {
    records.front().counters[SX_FAILED_REFUSED] = 10;
    records.front().counters[SX_FAILED_NO_PORT] = 20;
    const SeenWatch watch = of_host(between({}, {.connects = records, .times = {times}}));
    CHECK(opening_line(watch, watch.openings.at(0)) ==
          "400/s by checkout (pid 42); live 12 ms, 99 % under a second; 15/s fail (no_port)");
  }
}

TEST_CASE("Times have the unit that fits", "[observation]") {
  const auto [seconds, text] = GENERATE(table<double, std::string>({{0.000032, "32 us"},
                                                                    {0.012, "12 ms"},
                                                                    {1.52, "1.5 s"},
                                                                    {90.0, "90.0 s"},
                                                                    {3600.0, "60 min"}}));
  CHECK(time_text(duration<double>(seconds)) == text);
}

TEST_CASE("Where connections are not followed there is no watch, but a reason", "[observation]") {
  FakeKernel kernel;
  kernel.connect_counts = Error{Error::Kind::unavailable, "needs CAP_BPF"};
  const auto seen = observe(kernel, std::chrono::hours(1));
  REQUIRE_FALSE(seen);
  CHECK(seen.error().what == "needs CAP_BPF");
}

TEST_CASE("A watch takes the time it was told", "[observation]") {
  FakeKernel kernel;
  kernel.connect_counts = ConnectCounts{};
  const auto seen = observe(kernel, milliseconds(1));
  REQUIRE(seen);
  CHECK(seen->time >= milliseconds(1));
  CHECK(seen->openers.empty());
}
