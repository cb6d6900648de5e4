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
