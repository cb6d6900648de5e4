#include "exporter/log.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/captured_stderr.h"

using namespace socket_exporter;

namespace {

constexpr std::string_view kTime = "2024-02-29T23:59:59.007Z";

std::string logfmt(std::string_view message, std::initializer_list<LogField> fields) {
  return format_log_line(LogFormat::logfmt, kTime, LogLevel::info, message, fields);
}

nlohmann::json json(std::string_view message, std::initializer_list<LogField> fields) {
  const std::string line =
      format_log_line(LogFormat::json, kTime, LogLevel::error, message, fields);
  REQUIRE(line.back() == '\n');
  REQUIRE(std::count(line.begin(), line.end(), '\n') == 1);
  return nlohmann::json::parse(line);
}

}  // namespace

TEST_CASE("a logfmt line has time, level, message and fields", "[log]") {
  CHECK(logfmt("listening", {{"url", "http://127.0.0.1:10077"}}) ==
        "ts=2024-02-29T23:59:59.007Z level=info msg=listening url=http://127.0.0.1:10077\n");
}

TEST_CASE("logfmt quotes values only where it has to", "[log]") {
  CHECK(logfmt("two words", {{"a", ""}, {"b", "x=y"}, {"c", "say \"hi\""}, {"d", "a\\b"}}) ==
        "ts=2024-02-29T23:59:59.007Z level=info msg=\"two words\" a=\"\" b=\"x=y\" "
        "c=\"say \\\"hi\\\"\" d=\"a\\\\b\"\n");
}

TEST_CASE("a logged text cannot begin a second line", "[log]") {
  const std::string line = logfmt("x\nts=now level=error", {{"k", "a\r\n\tb"}});
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  CHECK(line.find("k=\"a\\r\\n\\tb\"\n") != std::string::npos);
}

TEST_CASE("a JSON line holds the same keys", "[log]") {
  const auto line = json("cannot read \"x\"", {{"file", "a\\b"}, {"n", "3"}});
  CHECK(line["ts"] == kTime);
  CHECK(line["level"] == "error");
  CHECK(line["msg"] == "cannot read \"x\"");
  CHECK(line["file"] == "a\\b");
  CHECK(line["n"] == "3");
}

TEST_CASE("invalid UTF-8 is replaced, byte for byte", "[log]") {
  const auto [bytes, wanted] = GENERATE(table<std::string, std::string>({
      {"caf\xC3\xA9", "caf\xC3\xA9"},                                    // é
      {"\xE2\x82\xAC\xF0\x9F\x98\x80", "\xE2\x82\xAC\xF0\x9F\x98\x80"},  // € and an emoji
      {"\xFF", "\xEF\xBF\xBD"},                                          // never a lead byte
      {"\xC3", "\xEF\xBF\xBD"},                                          // cut short
      {"\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},                          // overlong
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},          // a surrogate
      {"a\xE2\x28\xA1", "a\xEF\xBF\xBD(\xEF\xBF\xBD"},                   // broken in the middle
      {std::string("\0\x01\x1F\x7F", 4), std::string("\0\x01\x1F\x7F", 4)},
  }));
  CHECK(json("m", {{"k", bytes}})["k"] == wanted);
}

TEST_CASE("names of levels and formats are known in both directions", "[log]") {
  CHECK(parse_log_level("warn") == LogLevel::warn);
  CHECK(parse_log_format("json") == LogFormat::json);
  CHECK_FALSE(parse_log_level("WARN").has_value());
  CHECK_FALSE(parse_log_format("").has_value());
}

TEST_CASE("a logger leaves out what is below its level", "[log]") {
  CapturedStderr captured;
  const Logger logger(LogLevel::warn, LogFormat::logfmt);
  logger.debug("no");
  logger.info("no");
  logger.warn("careful", {{"n", "1"}});
  logger.error("bad");
  const std::string text = captured.text();

  const std::regex lines(
      "ts=\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z level=warn msg=careful n=1\n"
      "ts=\\S+Z level=error msg=bad\n");
  CHECK(std::regex_match(text, lines));
}
