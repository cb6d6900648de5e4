#include "collectors/base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <bitset>
#include <catch2/catch.hpp>

using namespace socket_exporter;

namespace {

IpAddress address(std::string_view text) {
  return parse_address(text).value();
}
Cidr cidr(std::string_view text) {
  return parse_cidr(text).value();
}

}  // namespace

TEST_CASE("addresses are written as they are read", "[address]") {
  const auto text =
      GENERATE(as<std::string>{}, "0.0.0.0", "127.0.0.1", "10.1.2.3", "255.255.255.255",
               "::", "::1", "2001:db8::1", "fe80::1:2:3:4", "1:2:3:4:5:6:7:8", "ff02::1");
  CAPTURE(text);
  CHECK(to_string(address(text)) == text);
}

TEST_CASE("IPv6 addresses are written as RFC 5952 has it", "[address]") {
  CHECK(to_string(address("2001:DB8:0:0:0:0:0:1")) == "2001:db8::1");
  CHECK(to_string(address("2001:db8:0:1:1:1:1:1")) == "2001:db8:0:1:1:1:1:1");
  CHECK(to_string(address("2001:0:0:1:0:0:0:1")) == "2001:0:0:1::1");
  CHECK(to_string(address("2001:db8::0:1:0:0:1")) == "2001:db8::1:0:0:1");
}

TEST_CASE("a v4-mapped address is the IPv4 address", "[address]") {
  CHECK(address("::ffff:10.1.2.3") == address("10.1.2.3"));
  CHECK(address("::ffff:10.1.2.3").is_v4());
  CHECK(to_string(address("::ffff:a01:203")) == "10.1.2.3");
  CHECK_FALSE(address("::10.1.2.3").is_v4());
  CHECK_FALSE(address("::fffe:10.1.2.3").is_v4());
}

TEST_CASE("addresses come from the kernel in network order", "[address]") {
  CHECK(ipv4_address(htonl(0x0A010203)) == address("10.1.2.3"));
  const IpAddress six = address("2001:db8::1");
  CHECK(ipv6_address(six.bytes.data()) == six);
}

TEST_CASE("an endpoint is an address and a port", "[address]") {
  CHECK(to_string(address("10.1.2.3"), 443) == "10.1.2.3:443");
  CHECK(to_string(address("2001:db8::1"), 443) == "[2001:db8::1]:443");
  CHECK(to_string(address("::ffff:10.1.2.3"), 0) == "10.1.2.3:0");
  CHECK(to_string(address("::"), 65535) == "[::]:65535");
}

TEST_CASE("unspecified and loopback addresses are known in both families", "[address]") {
  CHECK(address("0.0.0.0").is_unspecified());
  CHECK(address("::").is_unspecified());
  CHECK(address("::ffff:0.0.0.0").is_unspecified());
  CHECK_FALSE(address("0.0.0.1").is_unspecified());
  CHECK_FALSE(address("::1").is_unspecified());

  CHECK(address("127.0.0.1").is_loopback());
  CHECK(address("127.255.255.255").is_loopback());
  CHECK(address("::ffff:127.0.0.1").is_loopback());
  CHECK(address("::1").is_loopback());
  CHECK_FALSE(address("128.0.0.1").is_loopback());
  CHECK_FALSE(address("::2").is_loopback());
  CHECK_FALSE(address("::127.0.0.1").is_loopback());
  CHECK_FALSE(IpAddress{}.is_loopback());
}

TEST_CASE("what is no address is refused", "[address]") {
  const auto text = GENERATE(as<std::string>{}, "", " ", "10.1.2", "10.1.2.3.4", "10.1.2.256",
                             "010.1.2.3", "10.1.2.3 ", " 10.1.2.3", "10.1.2.-3", "0x7f.0.0.1",
                             "10.1.2.3:80", "[::1]", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
                             "::1::", "12345::", "fe80::1%lo", "::ffff:10.1.2", "localhost",
                             std::string("10.1.2.3\0", 9), std::string("::1\0x", 5));
  CAPTURE(text);
  CHECK(parse_address(text) == std::nullopt);
  CHECK(parse_cidr(text) == std::nullopt);
}

TEST_CASE("a block contains its addresses and no others", "[address]") {
  CHECK(cidr("10.0.0.0/8").contains(address("10.255.255.255")));
  CHECK_FALSE(cidr("10.0.0.0/8").contains(address("11.0.0.0")));
  CHECK(cidr("10.1.2.128/25").contains(address("10.1.2.128")));
  CHECK_FALSE(cidr("10.1.2.128/25").contains(address("10.1.2.127")));
  CHECK(cidr("10.1.2.2/31").contains(address("10.1.2.3")));
  CHECK_FALSE(cidr("10.1.2.2/31").contains(address("10.1.2.4")));
  CHECK(cidr("10.1.2.3").contains(address("::ffff:10.1.2.3")));
  CHECK_FALSE(cidr("10.1.2.3").contains(address("10.1.2.2")));
  CHECK(cidr("2001:db8::/33").contains(address("2001:db8:7fff::1")));
  CHECK_FALSE(cidr("2001:db8::/33").contains(address("2001:db8:8000::")));
  CHECK(cidr("2001:db8::1").contains(address("2001:db8::1")));
  CHECK_FALSE(cidr("2001:db8::1/128").contains(address("2001:db8::2")));
}

TEST_CASE("a block of prefix 0 contains one family", "[address]") {
  CHECK(cidr("0.0.0.0/0").contains(address("255.255.255.255")));
  CHECK_FALSE(cidr("0.0.0.0/0").contains(address("::1")));
  CHECK(cidr("::/0").contains(address("ffff::")));
  CHECK_FALSE(cidr("::/0").contains(address("10.0.0.1")));
  CHECK_FALSE(cidr("::/64").contains(address("10.0.0.1")));
  CHECK(cidr("::ffff:0:0/96").contains(address("10.0.0.1")));
}

TEST_CASE("a block has one form, however it is written", "[address]") {
  CHECK(cidr("10.0.0.0/8") == cidr("::ffff:10.0.0.0/104"));
  CHECK(cidr("10.1.2.3/32") == cidr("10.1.2.3"));
  CHECK(cidr("::1/128") == cidr("::1"));
  CHECK(cidr("0.0.0.0/0").prefix == 96);
}

TEST_CASE("what is no block is refused", "[address]") {
  const auto text = GENERATE(as<std::string>{}, "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                             "10.0.0.0/+8", "10.0.0.0/8x", "10.0.0.0/ 8", "10.0.0.0/8/8", "/8",
                             "10.0.0.1/8", "10.1.2.3/31", "0.0.0.1/0", "2001:db8::1/64", "::/129",
                             "::1/0", "10.0.0.0/104", "10.0.0.0/255.0.0.0", "10/8");
  CAPTURE(text);
  CHECK(parse_cidr(text) == std::nullopt);
}

TEST_CASE("neighbouring addresses fall into different hash buckets", "[address]") {
  std::bitset<65536> buckets;
  for (std::uint32_t host = 0; host < 65536; ++host) {
    buckets.set(hash_mix(hash_of(ipv4_address(htonl(0x0A000000 + host)))) & 0xffffU);
  }
  CHECK(buckets.count() > 32768);
}
