#include "collectors/netstat_fields.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;

TEST_CASE("the answers are the filter's, in whatever order they are asked for", "[netstat]") {
  const FieldFilter filter = *FieldFilter::compile("^(Tcp_(InSegs|OutSegs)|Udp_InErrors)$");
  NetstatFields fields;
  for (int pass = 0; pass < 3; ++pass) {
    CHECK(fields.wants("Tcp", "InSegs", filter));
    CHECK_FALSE(fields.wants("Tcp", "RtoMin", filter));
    CHECK(fields.wants("Tcp", "OutSegs", filter));
    CHECK_FALSE(fields.wants("Udp", "InSegs", filter));
    if (pass > 0) CHECK_FALSE(fields.wants("Udp", "NoPorts", filter));  // a newer kernel module's
    CHECK(fields.wants("Udp", "InErrors", filter));
  }
  CHECK_FALSE(fields.wants("Udp", "InSegs", filter));
  CHECK(fields.wants("Tcp", "OutSegs", filter));
}

TEST_CASE("a field is its protocol and its name, not just their letters", "[netstat]") {
  const FieldFilter filter = *FieldFilter::compile("^A_B_C$");
  NetstatFields fields;
  CHECK_FALSE(fields.wants("A", "BxC", filter));
  CHECK(fields.wants("A", "B_C", filter));
  CHECK(fields.wants("A_B", "C", filter));
  CHECK_FALSE(fields.wants("AB", "xC", filter));
  CHECK_FALSE(fields.wants("", "", filter));
}
