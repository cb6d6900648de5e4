#include "collectors/services.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;

namespace {

IpAddress address(std::string_view text) {
  return parse_address(text).value();
}
ServiceMap::Rule rule(std::string_view block, std::uint16_t port, std::string name) {
  return {parse_cidr(block).value(), port, std::move(name)};
}

}  // namespace

TEST_CASE("without rules no destination has a name", "[services]") {
  CHECK(ServiceMap().name_of(address("10.0.0.1"), 443).empty());
  CHECK(ServiceMap(std::vector<ServiceMap::Rule>{}).name_of(address("10.0.0.1"), 443).empty());
}

TEST_CASE("the most specific rule names a destination", "[services]") {
  const ServiceMap services({
      rule("0.0.0.0/0", 0, "anything"),
      rule("10.0.0.0/8", 0, "lan"),
      rule("10.0.0.0/8", 443, "lan-tls"),
      rule("10.1.0.0/16", 0, "site"),
      rule("10.1.2.3", 5432, "database"),
      rule("2001:db8::/32", 0, "six"),
  });
  CHECK(services.name_of(address("8.8.8.8"), 53) == "anything");
  CHECK(services.name_of(address("10.2.0.1"), 80) == "lan");
  CHECK(services.name_of(address("10.2.0.1"), 443) == "lan-tls");
  CHECK(services.name_of(address("10.1.2.3"), 5432) == "database");
  CHECK(services.name_of(address("10.1.2.3"), 5433) == "site");
  CHECK(services.name_of(address("2001:db8::1"), 80) == "six");
  CHECK(services.name_of(address("2001:db9::1"), 80).empty());

  SECTION("a longer prefix goes before a port") {
    CHECK(services.name_of(address("10.1.0.1"), 443) == "site");
  }
  SECTION("an IPv4 destination is the same behind an IPv6 socket") {
    CHECK(services.name_of(address("::ffff:10.1.2.3"), 5432) == "database");
  }
}

TEST_CASE("of equal rules the first names", "[services]") {
  const ServiceMap services({rule("10.0.0.0/8", 443, "first"), rule("10.0.0.0/8", 443, "second")});
  CHECK(services.name_of(address("10.0.0.1"), 443) == "first");
}

TEST_CASE("a rule for all of IPv6 does not name IPv4 destinations", "[services]") {
  const ServiceMap services({rule("::/0", 0, "six")});
  CHECK(services.name_of(address("2001:db8::1"), 443) == "six");
  CHECK(services.name_of(address("10.0.0.1"), 443).empty());
}
