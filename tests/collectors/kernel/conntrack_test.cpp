#include "collectors/kernel/conntrack.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/fixtures.h"

using namespace socket_exporter;

TEST_CASE("a real /proc/net/stat/nf_conntrack has all columns", "[kernel][conntrack]") {
  const auto stat = parse_conntrack_stat(fixture("proc/net/stat/nf_conntrack"));
  REQUIRE(stat);
  CHECK(stat->found == 0U);
  CHECK(stat->search_restart == 0U);
}

TEST_CASE("conntrack columns are hexadecimal and summed over CPUs", "[kernel][conntrack]") {
  const auto stat = parse_conntrack_stat(
      "entries  searched found new invalid ignore delete delete_list insert insert_failed drop "
      "early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
      "00000005  00000063 0000002a 00000063 00000001 00000002 00000063 00000063 00000003 00000004 "
      "00000005 00000006 00000063  00000063 00000063 00000063 00000007\n"
      "00000005  00000063 0000000a 00000063 00000010 00000020 00000063 00000063 00000030 00000040 "
      "00000050 00000060 00000063  00000063 00000063 00000063 ffffffff\n");
  REQUIRE(stat);
  CHECK(stat->found == 0x34U);
  CHECK(stat->invalid == 0x11U);
  CHECK(stat->ignore == 0x22U);
  CHECK(stat->insert == 0x33U);
  CHECK(stat->insert_failed == 0x44U);
  CHECK(stat->drop == 0x55U);
  CHECK(stat->early_drop == 0x66U);
  CHECK(stat->search_restart == 0x100000006U);
}

TEST_CASE("a conntrack column that the kernel lacks is nothing, not 0", "[kernel][conntrack]") {
  const auto stat = parse_conntrack_stat("drop  found unheard_of\n1 2 3");
  REQUIRE(stat);
  CHECK(stat->drop == 1U);
  CHECK(stat->found == 2U);
  CHECK(stat->ignore == std::nullopt);
  CHECK(stat->search_restart == std::nullopt);
}

TEST_CASE("malformed conntrack text is refused", "[kernel][conntrack]") {
  const auto text =
      GENERATE(as<std::string>{}, "", "\n", "found drop\n",  // no CPU
               "found drop\n1\n", "found drop\n1 2 3\n", "found drop\n1 2\n\n", "found drop\nx 1\n",
               "found drop\n-1 1\n", "found drop\n0x1 1\n", "found drop\n10000000000000000 1\n",
               "entries new\n1 2\n",  // nothing that we know
               "00000000 00000000\n00000000 00000000\n");
  CAPTURE(text);
  const auto stat = parse_conntrack_stat(text);
  REQUIRE_FALSE(stat);
  CHECK(stat.error().kind == Error::Kind::malformed);
}
