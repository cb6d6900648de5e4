#include "collectors/bpf/turns.h"

#include <catch2/catch.hpp>

TEST_CASE("a turn is answered once", "[turns]") {
  sx_turn turn{};
  CHECK(turn_before(&turn, 50) == 0);
  begin_turn(&turn, 100);
  CHECK(turn_before(&turn, 150) == 100);
  CHECK(answer_turn(&turn, 100));
  CHECK_FALSE(answer_turn(&turn, 100));
  CHECK(end_turn(&turn) == 0);
}

TEST_CASE("data in doubt count when the turn ends without an answer", "[turns]") {
  sx_turn turn{};
  begin_turn(&turn, 100);
  turn.heard_at = 130;
  SECTION("it has none") {
    CHECK(end_turn(&turn) == 30);
    CHECK(end_turn(&turn) == 0);
  }
  SECTION("it has one") {
    CHECK(answer_turn(&turn, 100));
    CHECK(end_turn(&turn) == 0);
  }
  SECTION("the next turn has begun") {
    begin_turn(&turn, 200);
    CHECK(end_turn(&turn) == 0);
  }
}

// What comes in has looked at the time, 150, and at the turn; before it goes on, the connection
// ends on another CPU and its place is that of another one, which asks at 200.
TEST_CASE("an answer on its way is none of the connection that came into its place", "[turns]") {
  sx_turn turn{};
  begin_turn(&turn, 100);
  const auto asked_at = turn_before(&turn, 150);
  REQUIRE(asked_at == 100);
  CHECK(end_turn(&turn) == 0);
  CHECK_FALSE(answer_turn(&turn, asked_at));
  turn = {};
  begin_turn(&turn, 200);

  SECTION("an answer") {
    CHECK_FALSE(answer_turn(&turn, asked_at));
    CHECK(turn_before(&turn, 250) == 200);
  }
  SECTION("data in doubt") {
    turn.heard_at = 150;
    CHECK(end_turn(&turn) == 0);
  }
  SECTION("a look at the turn that is late") {
    CHECK(turn_before(&turn, 150) == 0);
  }
}
