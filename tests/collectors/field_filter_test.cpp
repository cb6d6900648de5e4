#include "collectors/field_filter.h"

#include <catch2/catch.hpp>

#include "collectors/options.h"

using namespace socket_exporter;

TEST_CASE("a field filter finds its expression anywhere unless it is anchored", "[field_filter]") {
  CHECK(FieldFilter::compile("Octets")->matches("IpExt_InOctets"));
  CHECK_FALSE(FieldFilter::compile("^Octets")->matches("IpExt_InOctets"));
  CHECK_FALSE(FieldFilter::compile("^$")->matches("IpExt_InOctets"));
  CHECK(FieldFilter::compile("")->matches("IpExt_InOctets"));
}

TEST_CASE("a wrong expression is refused with its reason", "[field_filter]") {
  const auto filter = FieldFilter::compile("(a");
  REQUIRE_FALSE(filter);
  CHECK(filter.error().kind == Error::Kind::malformed);
  CHECK_THAT(filter.error().what, Catch::Matchers::Contains("(a"));
}

TEST_CASE("the default netstat fields hold node_exporter's and ours", "[field_filter]") {
  const auto filter = FieldFilter::compile(kDefaultNetstatFields);
  REQUIRE(filter);
  const auto wanted = GENERATE(as<std::string>{}, "Ip_Forwarding", "Tcp_CurrEstab",
                               "TcpExt_ListenOverflows", "TcpExt_TCPTimeouts", "Icmp6_InMsgs",
                               "UdpLite6_InErrors", "TcpExt_TCPAbortOnMemory", "Tcp_AttemptFails");
  CAPTURE(wanted);
  CHECK(filter->matches(wanted));
  CHECK_FALSE(filter->matches("Tcp_RtoMin"));
  CHECK_FALSE(filter->matches("x" + wanted + "x"));
}
