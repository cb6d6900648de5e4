#include "collectors/base/text.h"

#include <catch2/catch.hpp>
#include <string>

using namespace socket_exporter;

TEST_CASE("lines are cut off the front", "[text]") {
  std::string_view text = "one\n\nthree";
  CHECK(next_line(text) == "one");
  CHECK(next_line(text).empty());
  CHECK(text == "three");
  CHECK(next_line(text) == "three");
  CHECK(text.empty());
  CHECK(next_line(text).empty());
}

TEST_CASE("words are cut off the front of a line", "[text]") {
  std::string_view line = "  one \t two\t";
  CHECK(next_word(line) == "one");
  CHECK(line == "two\t");
  CHECK(next_word(line) == "two");
  CHECK(line.empty());
  CHECK(next_word(line).empty());
}

TEST_CASE("trimmed text has no blanks at its ends", "[text]") {
  CHECK(trim("\t a b \r\n") == "a b");
  CHECK(trim("a") == "a");
  CHECK(trim(" \n").empty());
  CHECK(trim("").empty());
}

TEST_CASE("a name is what may be part of a metric name", "[text]") {
  CHECK(is_name("TcpExt_0z"));
  const auto word = GENERATE(as<std::string>{}, "", "a b", "a-b", "a{", "\"", "a\n", "\xc3\xa4",
                             std::string("a\0", 2));
  CAPTURE(word);
  CHECK_FALSE(is_name(word));
}

TEST_CASE("a number is the whole word and fits its type", "[text]") {
  CHECK(parse_number<std::uint16_t>("65535") == 65535);
  CHECK(parse_number<int>("-1") == -1);
  CHECK(parse_number<std::uint32_t>("fF", 16) == 255U);
  CHECK(parse_number<std::uint16_t>("65536") == std::nullopt);
  CHECK(parse_number<std::uint16_t>("-1") == std::nullopt);
  const auto word =
      GENERATE(as<std::string>{}, "", " 1", "1 ", "+1", "0x1", "1.0", "1e3", "-", "a");
  CAPTURE(word);
  CHECK(parse_number<int>(word) == std::nullopt);
}

TEST_CASE("only ASCII letters have a lower case", "[text]") {
  CHECK(lower('A') == 'a');
  CHECK(lower('Z') == 'z');
  CHECK(lower('z') == 'z');
  CHECK(lower('@') == '@');
  CHECK(lower('[') == '[');
  CHECK(lower('\xC4') == '\xC4');
}
