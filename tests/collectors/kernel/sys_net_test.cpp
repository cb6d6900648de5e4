#include "collectors/kernel/sys_net.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/fixtures.h"

using namespace socket_exporter;

TEST_CASE("the ephemeral port range is two ports", "[kernel][sys_net]") {
  const auto usual = parse_port_range(fixture("proc/sys/net/ipv4/ip_local_port_range"));
  REQUIRE(usual);
  CHECK(*usual == PortRange{32768, 60999});
  CHECK(*parse_port_range("1 65535") == PortRange{1, 65535});
  CHECK(*parse_port_range("4000\t4000\n") == PortRange{4000, 4000});
}

TEST_CASE("a malformed port range is refused", "[kernel][sys_net]") {
  const auto text = GENERATE(as<std::string>{}, "", "\n", "32768\n", "32768\t\n", "60999\t32768\n",
                             "1 65536\n", "-1 5\n", "1 2 3\n", "1\n2\n", "a b\n", "1-2\n");
  CAPTURE(text);
  const auto range = parse_port_range(text);
  REQUIRE_FALSE(range);
  CHECK(range.error().kind == Error::Kind::malformed);
}

TEST_CASE("no reserved ports is an empty line", "[kernel][sys_net]") {
  CHECK(parse_reserved_ports(fixture("proc/sys/net/ipv4/ip_local_reserved_ports"))->empty());
  CHECK(parse_reserved_ports("")->empty());
  CHECK(parse_reserved_ports("\n")->empty());
}

TEST_CASE("reserved ports are ports and ranges", "[kernel][sys_net]") {
  const auto ranges = parse_reserved_ports("0,8080,9148-9150,65535\n");
  REQUIRE(ranges);
  CHECK(*ranges == std::vector<PortRange>{{0, 0}, {8080, 8080}, {9148, 9150}, {65535, 65535}});
}

TEST_CASE("every second port may be reserved", "[kernel][sys_net]") {
  std::string text;
  for (int port = 1; port <= 65535; port += 2) text += fmt::format("{},", port);
  text.back() = '\n';
  const auto ranges = parse_reserved_ports(text);
  REQUIRE(ranges);
  REQUIRE(ranges->size() == 32768);
  CHECK(ranges->front() == PortRange{1, 1});
  CHECK(ranges->back() == PortRange{65535, 65535});
}

TEST_CASE("malformed reserved ports are refused", "[kernel][sys_net]") {
  const auto text = GENERATE(as<std::string>{}, ",", "1,", ",1", "1,,2", "1-", "-1", "1-2-3", "2-1",
                             "65536", "1-65536", "1 2", "1, 2", "a", "1\n2", "1;2");
  CAPTURE(text);
  const auto ranges = parse_reserved_ports(text);
  REQUIRE_FALSE(ranges);
  CHECK(ranges.error().kind == Error::Kind::malformed);
}

TEST_CASE("tcp_mem is three levels", "[kernel][sys_net]") {
  const auto limits = parse_tcp_mem(fixture("proc/sys/net/ipv4/tcp_mem"));
  REQUIRE(limits);
  CHECK(limits->low == 287898);
  CHECK(limits->pressure == 383867);
  CHECK(limits->high == 575796);
}

TEST_CASE("malformed tcp_mem is refused", "[kernel][sys_net]") {
  const auto text = GENERATE(as<std::string>{}, "", "1 2\n", "1 2 3 4\n", "1 2 x\n", "-1 2 3\n",
                             "1 2 18446744073709551616\n", "1 2\n3\n");
  CAPTURE(text);
  const auto limits = parse_tcp_mem(text);
  REQUIRE_FALSE(limits);
  CHECK(limits.error().kind == Error::Kind::malformed);
}

TEST_CASE("file-nr is open files and their limit", "[kernel][sys_net]") {
  const auto files = parse_file_nr("9248\t0\t9223372036854775807\n");
  REQUIRE(files);
  CHECK(files->open == 9248);
  CHECK(files->limit == 9223372036854775807U);
}

TEST_CASE("malformed file-nr is refused", "[kernel][sys_net]") {
  const auto text = GENERATE(as<std::string>{}, "", "1 0\n", "1 0 2 3\n", "1 x 2\n", "x 0 2\n",
                             "1 0 x\n", "-1 0 2\n", "1 0 18446744073709551616\n", "1 0\n2\n");
  CAPTURE(text);
  const auto files = parse_file_nr(text);
  REQUIRE_FALSE(files);
  CHECK(files.error().kind == Error::Kind::malformed);
}
