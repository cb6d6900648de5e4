#include "collectors/kernel/process.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/fixtures.h"

using namespace socket_exporter;

TEST_CASE("a real /proc/self/stat is read", "[kernel][process]") {
  const auto stat = parse_process_stat(fixture("proc/self/stat"));
  REQUIRE(stat);
  CHECK(stat->start_time == 161273);
  CHECK(stat->virtual_bytes == 3133440);
  CHECK(stat->resident_pages == 374);
}

TEST_CASE("the name of a process may hold anything", "[kernel][process]") {
  const auto name = GENERATE(as<std::string>{}, "cat", "tmux: server", "a) R 1 (b", ")", "((", "",
                             "new\nline", "1 2 3 4 5 6 7 8 9");
  CAPTURE(name);
  const auto stat = parse_process_stat(
      "4711 (" + name +
      ") S 1 4711 4711 0 -1 4194304 99 0 0 0 12 7 0 0 20 0 1 0 108535 3133440 409\n");
  REQUIRE(stat);
  CHECK(stat->user_time == 12);
  CHECK(stat->system_time == 7);
  CHECK(stat->start_time == 108535);
  CHECK(stat->virtual_bytes == 3133440);
  CHECK(stat->resident_pages == 409);
}

TEST_CASE("a malformed process stat is refused", "[kernel][process]") {
  const auto text = GENERATE(
      as<std::string>{}, "", "\n", "4711 cat S 1 1 1 0 -1 4194304 9 0 0 0 12 7 0 0 20 0 1 0 1 2 3",
      "4711 (cat)", "4711 (cat) S 1 1 1 0 -1 4194304 9 0 0 0 12 7 0 0 20 0 1 0 1 2",
      "4711 (cat) S 1 1 1 0 -1 4194304 9 0 0 0 -12 7 0 0 20 0 1 0 1 2 3",
      "4711 (cat) S 1 1 1 0 -1 4194304 9 0 0 0 12 x 0 0 20 0 1 0 1 2 3",
      "4711 (cat) S 1 1 1 0 -1 4194304 9 0 0 0 12 7 0 0 20 0 1 0 1 2 99999999999999999999");
  CAPTURE(text);
  const auto stat = parse_process_stat(text);
  REQUIRE_FALSE(stat);
  CHECK(stat.error().kind == Error::Kind::malformed);
}

TEST_CASE("real /proc/self/limits are read", "[kernel][process]") {
  const auto limits = parse_process_limits(fixture("proc/self/limits"));
  REQUIRE(limits);
  CHECK(limits->open_files == 20000U);
  CHECK(limits->address_space_bytes == kUnlimited);
}

TEST_CASE("process limits are the soft ones", "[kernel][process]") {
  const auto limits = parse_process_limits(
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max open files            1024                 524288               files     \n");
  REQUIRE(limits);
  CHECK(limits->open_files == 1024U);
  CHECK(limits->address_space_bytes == std::nullopt);
}

TEST_CASE("malformed process limits are refused", "[kernel][process]") {
  const auto text = GENERATE(as<std::string>{}, "", "\n", "Max open files 1024 1024 files\n",
                             "Limit Soft\nMax open files \n", "Limit Soft\nMax open files -1\n",
                             "Limit Soft\nMax open files many\n",
                             "Limit Soft\nMax address space 18446744073709551616 0 bytes\n");
  CAPTURE(text);
  const auto limits = parse_process_limits(text);
  REQUIRE_FALSE(limits);
  CHECK(limits.error().kind == Error::Kind::malformed);
}

TEST_CASE("the boot time is found in a real /proc/stat", "[kernel][process]") {
  const auto seconds = parse_boot_time(fixture("proc/stat"));
  REQUIRE(seconds);
  CHECK(*seconds == 1795266654);
}

TEST_CASE("a malformed boot time is refused", "[kernel][process]") {
  const auto text = GENERATE(as<std::string>{}, "", "cpu 1 2 3\n", "btime\n", "btime x\n",
                             "btime -1\n", "btime 1 2\n", "xbtime 1\n");
  CAPTURE(text);
  const auto seconds = parse_boot_time(text);
  REQUIRE_FALSE(seconds);
  CHECK(seconds.error().kind == Error::Kind::malformed);
}
