#include "collectors/opener_ledger.h"

#include <catch2/catch.hpp>

#include "collectors/connect_ledger.h"

using namespace socket_exporter;
using std::chrono::seconds;

namespace {

const DestinationKey kThere{1, *parse_address("10.0.0.1"), 443};

struct Books {
  OpenerLedger ledger;
  OpenerLedger::Time now{seconds(100'000)};

  Books() { ledger.begin(now); }
  void wait(seconds time) { ledger.begin(now += time); }
  void count(const std::string& comm, std::int64_t opened, std::uint64_t time_wait = 0) {
    ledger.count(kThere, {"", "", "", comm}, opened, time_wait);
  }
  /// "a 0.75, b 0.25"
  std::string shares() {
    std::string text;
    for (const auto& [opener, ratio] : ledger.shares(kThere, now)) {
      std::string digits = std::to_string(ratio);
      digits.erase(digits.find_last_not_of('0') + 1);
      text += (text.empty() ? "" : ", ") + opener.comm + " " + digits;
    }
    return text;
  }
  std::map<std::string, std::uint32_t> share_out(std::uint32_t sockets) const {
    std::map<std::string, std::uint32_t> parts;
    for (const auto& [opener, part] : ledger.share_out(kThere, sockets)) parts[opener.comm] = part;
    return parts;
  }
};

}  // namespace

TEST_CASE("openers have their parts of a minute's connections, which then pass", "[openers]") {
  Books books;
  CHECK(books.shares().empty());
  books.count("a", 30);
  CHECK(books.shares() == "a 1.");
  books.wait(seconds(30));
  books.count("b", 10);
  CHECK(books.shares() == "a 0.75, b 0.25");
  books.wait(seconds(30));
  books.count("b", 20);
  CHECK(books.shares() == "a 0.5, b 0.5");
  books.wait(seconds(10));
  CHECK(books.shares() == "b 1.");
  books.wait(seconds(60));
  CHECK(books.shares().empty());
  CHECK(books.ledger.empty());
}

TEST_CASE("a connection that fails later was never opened", "[openers]") {
  Books books;
  books.count("a", 5);
  books.count("b", 5);
  books.wait(seconds(10));
  books.count("a", -2);
  CHECK(books.shares() == "b 0.625, a 0.375");
  books.wait(seconds(60));  // only the failures are left in a's minute
  books.count("b", 1);
  CHECK(books.shares() == "b 1.");
}

TEST_CASE("openers beyond the top are one, with a process of that name", "[openers]") {
  Books books;
  for (const char* comm : {"a", "b", "c", "d", "e"}) books.count(comm, 18);
  books.count("f", 4);
  books.count("g", 5);
  books.count("other", 1);
  CHECK(books.shares() == "a 0.18, b 0.18, c 0.18, d 0.18, e 0.18, other 0.1");
  SECTION("who was among the top stays for a while") {
    books.wait(seconds(10));
    books.count("g", 95);
    CHECK(books.shares() ==
          "g 0.512821, a 0.092308, b 0.092308, c 0.092308, d 0.092308, "
          "e 0.092308, other 0.025641");
  }
}

TEST_CASE("TIME_WAIT is shared out in whole numbers, and to nobody more than it made",
          "[openers]") {
  using Parts = std::map<std::string, std::uint32_t>;
  Books books;
  CHECK(books.share_out(10).empty());
  books.count("a", 1, 50);
  books.count("b", 100, 0);
  books.count("c", 1, 31);
  books.count("d", 1, 19);
  CHECK(books.share_out(0) == Parts{{"a", 0}, {"b", 0}, {"c", 0}, {"d", 0}});
  CHECK(books.share_out(10) == Parts{{"a", 5}, {"b", 0}, {"c", 3}, {"d", 2}});
  CHECK(books.share_out(1000) == Parts{{"a", 50}, {"b", 0}, {"c", 31}, {"d", 19}});
  for (std::uint32_t sockets = 0; sockets <= 100; ++sockets) {
    const Parts parts = books.share_out(sockets);
    CHECK(parts.at("a") + parts.at("b") + parts.at("c") + parts.at("d") == sockets);
  }
  CHECK(books.ledger.largest(kThere)->comm == "a");
}

TEST_CASE("what was not counted for a minute says nothing any more", "[openers]") {
  Books books;
  CHECK(books.ledger.is_current(books.now));
  CHECK_FALSE(books.ledger.is_current(books.now + seconds(70)));
  CHECK_FALSE(OpenerLedger().is_current(OpenerLedger::Time{}));
}

TEST_CASE("openers are known by destination and namespace, shown or not", "[openers]") {
  ConnectLedger ledger;
  const auto record = [](NetnsId netns, std::uint64_t attempts) {
    ConnectRecord made;
    made.key = {.netns = netns, .comm = "curl", .destination = kThere.address, .port = 443};
    made.counters[SX_ATTEMPTS] = attempts;
    return made;
  };
  std::vector<NetNs> namespaces{{1, "host", 100}, {2, "hidden", 200}};
  namespaces[1].shown = false;
  const ConnectLedger::Time now{seconds(100'000)};
  const auto nowhere = [](std::uint32_t, std::uint64_t) { return Workload{}; };
  for (const std::uint64_t attempts : {5U, 5U, 9U}) {
    ledger.read({.connects = {record({100, 1}, attempts), record({200, 2}, 3)}}, namespaces,
                nowhere, now);
    ledger.choose(0);
  }
  CHECK(ledger.openers().shares(kThere, now).size() == 1);
  CHECK(ledger.openers().shares({kOtherNetns, kThere.address, 443}, now).size() == 1);
  CHECK(ledger.openers().shares({2, kThere.address, 443}, now).empty());
  ledger.openers().forget_if([](const DestinationKey& key) { return key.netns == 1; });
  CHECK(ledger.openers().shares(kThere, now).empty());
}
