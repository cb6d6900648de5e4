#include "collectors/sticky_top.h"

#include <catch2/catch.hpp>
#include <string>

using namespace socket_exporter;
using namespace std::chrono_literals;

namespace {

using Top = StickyTop<std::string>;
constexpr Top::Time kStart{};

// The keys that are shown, in order.
std::string chosen(Top& top, std::vector<Top::Candidate> candidates, std::size_t k,
                   Top::Time now = kStart) {
  const std::size_t shown = top.choose(candidates, k, now);
  REQUIRE(shown <= candidates.size());
  std::string keys;
  for (std::size_t i = 0; i < shown; ++i) keys += candidates[i].key;
  return keys;
}

}  // namespace

TEST_CASE("the largest are shown, largest first", "[sticky_top]") {
  Top top;
  CHECK(chosen(top, {{"a", 1}, {"b", 3}, {"c", 2}}, 2) == "bc");
}

TEST_CASE("fewer candidates than places are all shown", "[sticky_top]") {
  Top top;
  CHECK(chosen(top, {{"a", 1}, {"b", 3}}, 5) == "ba");
  CHECK(chosen(top, {}, 5).empty());
}

TEST_CASE("no places show nothing", "[sticky_top]") {
  Top top;
  CHECK(chosen(top, {{"a", 1}}, 0).empty());
}

TEST_CASE("of equal sizes the smaller key is shown, whatever the order", "[sticky_top]") {
  Top top;
  CHECK(chosen(top, {{"b", 1}, {"a", 1}, {"c", 1}}, 1) == "a");
  Top other;
  CHECK(chosen(other, {{"c", 1}, {"a", 1}, {"b", 1}}, 1) == "a");
}

TEST_CASE("a key that fell out of the top stays for five minutes", "[sticky_top]") {
  Top top;
  CHECK(chosen(top, {{"a", 2}, {"b", 1}}, 1) == "a");
  CHECK(chosen(top, {{"a", 1}, {"b", 2}}, 1, kStart + 1min) == "ba");
  CHECK(chosen(top, {{"a", 1}, {"b", 2}}, 1, kStart + 5min) == "ba");
  CHECK(chosen(top, {{"a", 1}, {"b", 2}}, 1, kStart + 5min + 1s) == "b");

  SECTION("and is not shown while it has no sockets") {
    CHECK(chosen(top, {{"c", 9}}, 1, kStart + 6min) == "c");
    CHECK(chosen(top, {{"b", 1}, {"c", 9}}, 1, kStart + 7min) == "cb");
  }
}

TEST_CASE("coming back to the top starts the five minutes anew", "[sticky_top]") {
  Top top;
  chosen(top, {{"a", 2}, {"b", 1}}, 1);
  chosen(top, {{"a", 2}, {"b", 1}}, 1, kStart + 4min);
  CHECK(chosen(top, {{"a", 1}, {"b", 2}}, 1, kStart + 9min) == "ba");
}

TEST_CASE("never more than twice the places are shown, the larger former members", "[sticky_top]") {
  Top top;
  chosen(top, {{"a", 9}, {"b", 8}}, 2);
  chosen(top, {{"c", 9}, {"d", 8}}, 2, kStart + 1min);
  CHECK(chosen(top, {{"a", 1}, {"b", 4}, {"c", 2}, {"d", 3}, {"e", 9}, {"f", 8}}, 2,
               kStart + 2min) == "efbd");
}

TEST_CASE("a candidate that never was in the top does not take a former member's place",
          "[sticky_top]") {
  Top top;
  chosen(top, {{"a", 9}}, 1);
  CHECK(chosen(top, {{"a", 1}, {"b", 5}, {"c", 9}}, 1, kStart + 1min) == "ca");
}

TEST_CASE("candidates that are not shown stay candidates", "[sticky_top]") {
  Top top;
  std::vector<Top::Candidate> candidates{{"a", 1}, {"b", 3}, {"c", 2}};
  const std::size_t shown = top.choose(candidates, 1, kStart);
  REQUIRE(shown == 1);
  REQUIRE(candidates.size() == 3);
  CHECK(candidates[1].size + candidates[2].size == 3);
}

TEST_CASE("fewer places than before show fewer", "[sticky_top]") {
  Top top;
  chosen(top, {{"a", 4}, {"b", 3}, {"c", 2}, {"d", 1}}, 4);
  CHECK(chosen(top, {{"a", 4}, {"b", 3}, {"c", 2}, {"d", 1}}, 1, kStart + 1min) == "ab");
}

TEST_CASE("a key that is forgotten has to come into the top anew", "[sticky_top]") {
  Top top;
  chosen(top, {{"a", 2}, {"b", 3}, {"c", 1}}, 2);
  top.forget_if([](const std::string& key) { return key == "a"; });
  CHECK(chosen(top, {{"a", 1}, {"b", 2}, {"c", 9}}, 1, kStart + 1min) == "cb");
  CHECK(chosen(top, {{"a", 9}, {"b", 2}, {"c", 1}}, 1, kStart + 2min) == "ab");
}
