#include "collectors/kernel/owners.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;

TEST_CASE("Owners find the process of an inode", "[owners]") {
  const Owners owners({{10, "a", 3, 1024}, {20, "b", 4, 1024}}, {{700, 1}, {500, 0}, {600, 1}}, 2);

  CHECK(owners.owner_of(500) == 0);
  CHECK(owners.owner_of(600) == 1);
  CHECK(owners.owner_of(700) == 1);
  CHECK(owners.unreadable() == 2);

  SECTION("nobody owns inode 0: TIME_WAIT has it") {
    const Owners with_zero({{10, "a", 3, 1024}}, {{0, 0}}, 0);
    CHECK(!with_zero.owner_of(0));
  }
  SECTION("nobody owns what is not there") {
    CHECK(!owners.owner_of(501));
    CHECK(!owners.owner_of(701));
    CHECK(!Owners().owner_of(500));
  }
  SECTION("of processes that share a socket the first owns it") {
    const Owners shared({{10, "parent", 3, 1024}, {20, "child", 3, 1024}}, {{500, 1}, {500, 0}}, 0);
    CHECK(shared.owner_of(500) == 0);
  }
}

TEST_CASE("Owners forget what a namespace had, and keep its processes", "[owners]") {
  std::vector<Process> processes{{10, "a", 3, 1024}, {20, "b", 4, 1024}};
  processes[0].netns = 1;
  processes[1].netns = 2;
  Owners::Counts counts;
  for (const std::uint32_t netns : {1U, 2U}) {
    counts.held[{0, netns}].udp = 5;
    counts.destinations[{.netns = netns, .port = 443}] = 0;
  }
  Owners owners(std::move(processes), {{500, 1}}, 0, counts);

  owners.forget({2, 3});

  CHECK(owners.processes()[0].netns == 1);
  CHECK(owners.processes()[1].netns == 0);
  CHECK(owners.owner_of(500) == 1);
  REQUIRE(owners.counts()->held.size() == 1);
  CHECK(owners.counts()->held.begin()->first.netns == 1);
  REQUIRE(owners.counts()->destinations.size() == 1);
  CHECK(owners.counts()->destinations.begin()->first.netns == 1);
}
