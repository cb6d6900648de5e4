#include "exporter/diagnosis/words.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;

TEST_CASE("Numbers are grouped by thousands", "[words]") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(27900) == "27,900");
  CHECK(grouped(18446744073709551615U) == "18,446,744,073,709,551,615");
  CHECK(counted(1, "connection") == "1 connection");
  CHECK(counted(2341, "connection") == "2,341 connections");
}

TEST_CASE("A percentage is rounded down", "[words]") {
  CHECK(whole_percent(5432, 28232) == 19);
  CHECK(whole_percent(699, 1000) == 69);
  CHECK(whole_percent(999999, 1000000) == 99);
  CHECK(whole_percent(64, 64) == 100);
  CHECK(whole_percent(65, 64) == 100);
  CHECK(whole_percent(0, 64) == 0);
  CHECK(whole_percent(0, 0) == 100);
}

TEST_CASE("Nothing that a terminal acts on is printable", "[words]") {
  CHECK(printable("nginx: worker") == "nginx: worker");
  CHECK(printable("\x1b[2J\x1b]0;x\x07") == "?[2J?]0;x?");
  CHECK(printable("a\nb\rc\td\x7f") == "a?b?c?d?");
  CHECK(printable("\xc2\x9b"
                  "31m") == "??31m");  // CSI as one C1 control
  CHECK(printable(std::string_view("a\0b", 3)) == "a?b");
}

TEST_CASE("Long names are cut, long lines wrapped", "[words]") {
  CHECK(shortened("short", 5) == "short");
  CHECK(shortened("longer", 5) == "lon..");
  CHECK(wrapped("one two three", 7) == std::vector<std::string>{"one two", "three"});
  CHECK(wrapped("a 0123456789 b", 5) == std::vector<std::string>{"a", "0123456789", "b"});
  CHECK(wrapped("", 5).empty());
  CHECK(wrapped("of 50 % on", 5) == std::vector<std::string>{"of", "50 %", "on"});
}

TEST_CASE("Addresses are in hex as /proc/net/tcp has them", "[words]") {
  CHECK(proc_net_hex(*parse_address("0.0.0.0")) == "00000000");
  CHECK(proc_net_hex(*parse_address("::1")).size() == 32);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  CHECK(proc_net_hex(*parse_address("127.0.0.1")) == "0100007F");
  CHECK(proc_net_hex(*parse_address("10.0.0.5")) == "0500000A");
  CHECK(proc_net_hex(*parse_address("::1")) == "00000000000000000000000001000000");
  CHECK(proc_net_hex(*parse_address("2001:db8::5")) == "B80D0120000000000000000005000000");
#endif
}
