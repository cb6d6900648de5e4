#include "exporter/config/service_match.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;
using Catch::Contains;

namespace {

ServiceMatch match_of(std::string_view text) {
  const auto match = parse_service_match(text);
  INFO(text);
  REQUIRE(match);
  return *match;
}

ServiceMatch block(std::string_view cidr, std::uint16_t port) {
  return {parse_cidr(cidr).value(), "", port};
}

}  // namespace

TEST_CASE("a match is a block, an address or a host, with a port or without", "[service_match]") {
  CHECK(match_of("10.1.0.0/16") == block("10.1.0.0/16", 0));
  CHECK(match_of("10.2.0.0/24:5432") == block("10.2.0.0/24", 5432));
  CHECK(match_of("10.2.0.7") == block("10.2.0.7", 0));
  CHECK(match_of("10.2.0.7:443") == block("10.2.0.7", 443));
  CHECK(match_of("2001:db8::/32") == block("2001:db8::/32", 0));
  CHECK(match_of("2001:db8::1") == block("2001:db8::1", 0));
  CHECK(match_of("2001:db8::/32:443") == block("2001:db8::/32", 443));
  CHECK(match_of("[2001:db8::1]:443") == block("2001:db8::1", 443));
  CHECK(match_of("[2001:db8::/32]:443") == block("2001:db8::/32", 443));
  CHECK(match_of("[::1]") == block("::1", 0));
  CHECK(match_of("0.0.0.0/0") == block("0.0.0.0/0", 0));
  CHECK(match_of("payments.example.com:443") == ServiceMatch{{}, "payments.example.com", 443});
  CHECK(match_of("DB_1.Example.:5432") == ServiceMatch{{}, "db_1.example.", 5432});
}

TEST_CASE("a v4-mapped block equals its IPv4 block", "[service_match]") {
  CHECK(match_of("::ffff:10.1.0.0/112") == match_of("10.1.0.0/16"));
}

TEST_CASE("the error for a wrong match says what would be right", "[service_match]") {
  const auto [text, error] = GENERATE(table<std::string, std::string>({
      {"", "is no CIDR, address or host name"},
      {"10.1.0.0/33", "an IPv4 prefix is /0 to /32"},
      {"10.1.0.0/", "an IPv4 prefix is /0 to /32"},
      {"10.1.0.0/-1", "an IPv4 prefix is /0 to /32"},
      {"10.1.0.0/16/2", "an IPv4 prefix is /0 to /32"},
      {"2001:db8::/129", "an IPv6 prefix is /0 to /128"},
      {"10.1.2.3/16", "the network is \"10.1.0.0/16\""},
      {"2001:db8::1/32", "the network is \"2001:db8::/32\""},
      {"::ffff:10.1.2.3/112", "the network is \"10.1.0.0/16\""},
      {"10.1.0/16", "\"10.1.0\" is no IPv4 or IPv6 address"},
      {"10.1.0", "is no CIDR, address or host name"},
      {"10.1.0:443", "is no CIDR, address or host name"},
      {"10.1.0.256:443", "is no CIDR, address or host name"},
      {"2001:db8::g", "is no IPv4 or IPv6 address"},
      {"[2001:db8::1:443", "no \"]\""},
      {"[2001:db8::1]443", "more than \":PORT\""},
      {"[db.example.com]:443", "is no IPv4 or IPv6 address"},
      {"10.1.0.1:0", "ports are 1 to 65535"},
      {"10.1.0.1:65536", "ports are 1 to 65535"},
      {"10.1.0.1:", "ports are 1 to 65535"},
      {"10.1.0.1:https", "ports are 1 to 65535"},
      {"db.example.com:+1", "ports are 1 to 65535"},
      {"db.example.com", "write \"db.example.com:443\""},
      {"-db.example.com:443", "is no CIDR, address or host name"},
      {"db..example.com:443", "is no CIDR, address or host name"},
      {"db example.com:443", "is no CIDR, address or host name"},
      {"http://db.example.com:443", "is no IPv4 or IPv6 address"},
  }));
  INFO(text);
  const auto match = parse_service_match(text);
  REQUIRE_FALSE(match);
  CHECK_THAT(match.error().what, Contains(error));
}
