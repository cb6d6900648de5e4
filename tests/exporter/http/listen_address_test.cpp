#include "exporter/http/listen_address.h"

#include <catch2/catch.hpp>

namespace socket_exporter {

TEST_CASE("listen addresses are read", "[http]") {
  const auto [text, host, port, ipv6] =
      GENERATE(table<std::string, std::string, std::uint16_t, bool>({
          {":10077", "", 10077, false},
          {"127.0.0.1:0", "127.0.0.1", 0, false},
          {"0.0.0.0:65535", "0.0.0.0", 65535, false},
          {"localhost:10077", "localhost", 10077, false},
          {"node-1.example.org:1", "node-1.example.org", 1, false},
          {"[::1]:10077", "::1", 10077, true},
          {"[::]:0", "::", 0, true},
      }));
  INFO(text);
  const auto address = parse_listen_address(text);
  REQUIRE(address);
  CHECK(address->host == host);
  CHECK(address->port == port);
  CHECK(address->ipv6 == ipv6);
  CHECK(to_string(*address) == text);
}

TEST_CASE("wrong listen addresses are refused with the right way to write them", "[http]") {
  const std::string text =
      GENERATE("", ":", "10077", "localhost", "127.0.0.1", "127.0.0.1:", ":65536", ":-1", ":+1",
               ": 1", ":1 ", ":0x50", ":80s", "::1:80", "[::1]", "[]:80", "[::1:80",
               "[127.0.0.1]:80", "[fe80::g]:80", "1.2.3:80", "1.2.3.256:80", "a..b:80", ".a:80",
               "a.:80", "a,b:80", "a b:80", "http://x:80", "+:80", "*:80", ":80,:81");
  INFO(text);
  const auto address = parse_listen_address(text);
  REQUIRE_FALSE(address);
  CHECK_THAT(address.error().what, Catch::Contains("'" + text + "'") && Catch::Contains(":10077"));
}

}  // namespace socket_exporter
