#include "collectors/kernel/netstat.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "tests/fixtures.h"

using namespace socket_exporter;

namespace {

bool all(std::string_view /*protocol*/, std::string_view /*name*/) {
  return true;
}

std::optional<double> find(const std::vector<NetstatValue>& statistics, std::string_view protocol,
                           std::string_view name) {
  for (const NetstatValue& s : statistics) {
    if (s.protocol == protocol && s.name == name) return s.value;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("a real /proc/net/netstat has all its values", "[kernel][netstat]") {
  const std::string text = fixture("proc/net/netstat");
  const auto statistics = parse_netstat(text, all);
  REQUIRE(statistics);
  CHECK(find(*statistics, "TcpExt", "TW") == 4);
  CHECK(find(*statistics, "TcpExt", "ListenDrops") == 0);
  CHECK(find(*statistics, "IpExt", "OutOctets") == 8548);
  CHECK(statistics->back().protocol == "MPTcpExt");
  CHECK(find(*statistics, "TcpExt", "Nothing") == std::nullopt);
}

TEST_CASE("a real /proc/net/snmp has all its values", "[kernel][netstat]") {
  const std::string text = fixture("proc/net/snmp");
  const auto statistics = parse_netstat(text, all);
  REQUIRE(statistics);
  CHECK(find(*statistics, "Ip", "Forwarding") == 2);
  CHECK(find(*statistics, "IcmpMsg", "OutType3") == 2);
  CHECK(find(*statistics, "Tcp", "MaxConn") == -1);
  CHECK(find(*statistics, "Tcp", "InCsumErrors") == 0);
  CHECK(find(*statistics, "UdpLite", "MemErrors") == 0);
}

TEST_CASE("a real /proc/net/snmp6 is split behind the 6", "[kernel][netstat]") {
  const std::string text = fixture("proc/net/snmp6");
  const auto statistics = parse_snmp6(text, all);
  REQUIRE(statistics);
  CHECK(find(*statistics, "Ip6", "InOctets") == 9388);
  CHECK(find(*statistics, "Icmp6", "OutType1") == 2);
  CHECK(find(*statistics, "Udp6", "NoPorts") == 2);
  CHECK(find(*statistics, "UdpLite6", "MemErrors") == 0);
}

TEST_CASE("netstat values use 64 bits and a sign", "[kernel][netstat]") {
  const auto statistics =
      parse_netstat("X: A B\nX: 18446744073709551615 -9223372036854775808", all);
  REQUIRE(statistics);
  CHECK(find(*statistics, "X", "A") == 18446744073709551615.0);
  CHECK(find(*statistics, "X", "B") == -9223372036854775808.0);
}

TEST_CASE("odd but well-formed netstat text is read", "[kernel][netstat]") {
  CHECK(parse_netstat("", all)->empty());
  CHECK(parse_netstat("\n\n", all)->empty());
  CHECK(parse_netstat("IcmpMsg:\nIcmpMsg:\n", all)->empty());
  CHECK(parse_netstat("A: x\nA: 1\n\nB: y\nB: 2\n", all)->size() == 2);
  CHECK(parse_netstat("A:  x \nA: 1  ", all)->size() == 1);
  CHECK(parse_snmp6("", all)->empty());
  CHECK(parse_snmp6("\nNoProtocol 3\nNumberless\n\nIp6X 1", all)->size() == 1);
}

TEST_CASE("a value that nobody wants may be malformed", "[kernel][netstat]") {
  const auto only_b = [](std::string_view, std::string_view name) { return name == "B"; };
  const auto statistics = parse_netstat("X: A B\nX: what 2\n", only_b);
  REQUIRE(statistics);
  REQUIRE(statistics->size() == 1);
  CHECK(find(*statistics, "X", "B") == 2);
  CHECK(parse_snmp6("Ip6A what\nIp6B 2\n", only_b)->size() == 1);
}

TEST_CASE("malformed netstat text is refused", "[kernel][netstat]") {
  const auto text =
      GENERATE(as<std::string>{},
               "Tcp: A B\nTcp: 1\n",  // fewer values
               "Tcp: A\nTcp: 1 2\n",  // more values
               "Tcp: A\n",            // no values
               "Tcp: A\n\n",          // an empty line in their place
               "Tcp: A\nUdp: 1\n",    // values of another protocol
               "Tcp A\nTcp 1\n",      // no colon
               "Tcp: A\nTcp: x\n",    //
               "Tcp: A\nTcp: 0x1\n",  //
               "Tcp: A\nTcp: 1.5\n",  //
               "Tcp: A\nTcp: +1\n",   //
               "Tcp: A\nTcp: -\n",    //
               "Tcp: A\nTcp: 1-\n",   //
               "Tcp: A\nTcp: 18446744073709551616\n", "Tcp: A\nTcp: -9223372036854775809\n",
               "Tcp: A{b=\"c\"}\nTcp: 1\n",  // no part of a metric name
               "T\"cp: A\nT\"cp: 1\n",       //
               ": A\n: 1\n");
  CAPTURE(text);
  const auto statistics = parse_netstat(text, all);
  REQUIRE_FALSE(statistics);
  CHECK(statistics.error().kind == Error::Kind::malformed);
}

TEST_CASE("malformed snmp6 text is refused", "[kernel][netstat]") {
  const auto text = GENERATE(as<std::string>{}, "Ip6InOctets\n", "Ip6InOctets x\n",
                             "Ip6InOctets 1 2\n", "Ip6InOctets 18446744073709551616\n", "Ip6 1\n",
                             "Ip6{a=\"b\"} 1\n", "Ip-6InOctets 1\n");
  CAPTURE(text);
  const auto statistics = parse_snmp6(text, all);
  REQUIRE_FALSE(statistics);
  CHECK(statistics.error().kind == Error::Kind::malformed);
}
