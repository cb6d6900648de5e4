#include "collectors/kernel/sockstat.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/fixtures.h"

using namespace socket_exporter;

TEST_CASE("a real /proc/net/sockstat has all its values", "[kernel][sockstat]") {
  const std::string text = fixture("proc/net/sockstat");
  const auto values = parse_sockstat(text);
  REQUIRE(values);
  CHECK(values->size() == 12);
  CHECK(find_sockstat(*values, "sockets", "used") == 18);
  CHECK(find_sockstat(*values, "TCP", "orphan") == 0);
  CHECK(find_sockstat(*values, "TCP", "tw") == 4);
  CHECK(find_sockstat(*values, "TCP", "mem") == 327);
  CHECK(find_sockstat(*values, "FRAG", "memory") == 0);
}

TEST_CASE("a real /proc/net/sockstat6 has all its values", "[kernel][sockstat]") {
  const std::string text = fixture("proc/net/sockstat6");
  const auto values = parse_sockstat(text);
  REQUIRE(values);
  CHECK(values->size() == 6);
  CHECK(find_sockstat(*values, "TCP6", "inuse") == 7);
}

TEST_CASE("a number that sockstat does not have is nothing, not 0", "[kernel][sockstat]") {
  const auto values = parse_sockstat("TCP6: inuse 3\n\nTCP: tw -1");
  REQUIRE(values);
  CHECK(find_sockstat(*values, "TCP", "inuse") == std::nullopt);
  CHECK(find_sockstat(*values, "TCP6", "tw") == std::nullopt);
  CHECK(find_sockstat(*values, "TCP", "tw") == -1);
}

TEST_CASE("malformed sockstat text is refused", "[kernel][sockstat]") {
  const auto text =
      GENERATE(as<std::string>{}, "TCP:", "TCP: inuse", "TCP: inuse 1 orphan", "TCP: inuse x",
               "TCP: inuse 1 orphan 1.5", "TCP: inuse 9223372036854775808", "TCP inuse 1",
               ": inuse 1", "TCP: in{use 1", "T P: inuse 1", "TCP: inuse 1\nUDP: inuse +1\n");
  CAPTURE(text);
  const auto values = parse_sockstat(text);
  REQUIRE_FALSE(values);
  CHECK(values.error().kind == Error::Kind::malformed);
}
