#include "exporter/config/config_file.h"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace socket_exporter;
using Catch::Contains;
using Catch::Equals;

namespace {

std::string error_of(std::string_view text) {
  const auto config = parse_config(text, "s.yml");
  return config ? "no error" : config.error().what;
}

// A directory of its own, gone with the test.
class Directory {
 public:
  Directory() {
    std::string name = std::filesystem::temp_directory_path() / "socket_exporter.XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

constexpr std::string_view kExample = R"(# Names for destinations.
services:
  - name: payments
    match: [10.1.0.0/16, "10.2.0.0/24:5432", "payments.example.com:443", "[2001:db8::1]:443", 2001:db8::/32]
  - name: "Kundendienst ü"
    match:
      - db.example.com:5432
checks:
  system-ports: {warningThreshold: 70, criticalThreshold: 85}
  conntrack:
    warningThreshold: 72.5
)";

}  // namespace

TEST_CASE("a configuration names services and thresholds", "[config_file]") {
  const auto config = parse_config(kExample, "socket_exporter.yml");
  REQUIRE(config);
  REQUIRE(config->services.size() == 2);
  CHECK(config->services[0].name == "payments");
  REQUIRE(config->services[0].match.size() == 5);
  CHECK(config->services[0].match[1].port == 5432);
  CHECK(config->services[0].match[2].host == "payments.example.com");
  CHECK(config->services[1].name == "Kundendienst ü");
  REQUIRE(config->checks.size() == 2);
  CHECK(config->checks.at("system-ports").warning == 70.0);
  CHECK(config->checks.at("system-ports").critical == 85.0);
  CHECK(config->checks.at("conntrack").warning == 72.5);
  CHECK_FALSE(config->checks.at("conntrack").critical.has_value());
}

TEST_CASE("a file that says nothing is an empty configuration", "[config_file]") {
  const auto text = GENERATE(as<std::string>(), "", "# only a comment\n", "---\n", "services:\n",
                             "checks: {}\nservices: []\n", "\xEF\xBB\xBF");
  const auto config = parse_config(text, "s.yml");
  REQUIRE(config);
  CHECK(config->services.empty());
  CHECK(config->checks.empty());
}

TEST_CASE("an error names file, line and key, and what would be right", "[config_file]") {
  const auto [text, error] = GENERATE(table<std::string, std::string>({
      {"service:\n",
       "s.yml:1: unknown key \"service\"; known are: services, checks, "
       "websocket"},
      {"- a\n",
       "s.yml:1: the file: is a list, has to be a mapping with keys out of "
       "services, checks, websocket"},
      {"services: x\n",
       "s.yml:1: services: is a single value, has to be a list such as "
       "- {name: payments, match: [10.1.0.0/16]}"},
      {"services:\n  - name: a\n    matches: [::1]\n",
       "s.yml:3: services[0]: unknown key \"matches\"; known are: name, match"},
      {"services:\n  - match: [10.0.0.1]\n",
       "s.yml:2: services[0]: has no name; add name: payments"},
      {"services:\n  - name: a\n", "s.yml:2: services[0]: has no match; add match: [10.1.0.0/16]"},
      {"services:\n  - {name: a, match: []}\n",
       "s.yml:2: services[0].match: is empty; add a match or drop the service"},
      {"services:\n  - {name: a, match: 10.1.0.0/16}\n",
       "s.yml:2: services[0].match: is a single value, has to be a list such as [10.1.0.0/16, "
       "\"db.example.com:5432\"]"},
      {"services:\n  - {name: [a], match: [::1]}\n",
       "s.yml:2: services[0].name: is a list, has to be a single value such as payments"},
      {"services:\n- name: a\n  match:\n  - 10.0.0.1\n- name: b\n  match:\n  - 10.1.0.0/33\n",
       "s.yml:7: services[1].match[0]: \"10.1.0.0/33\" is no CIDR; an IPv4 prefix is /0 to /32"},
      {"services:\n  - {name: a, match: [10.1.2.3/16]}\n",
       "s.yml:2: services[0].match[0]: \"10.1.2.3/16\" has bits set behind its prefix; the network "
       "is \"10.1.0.0/16\""},
      {"services:\n  - name: a\n    match:\n      - [2001:db8::1]:443\n",
       "s.yml:4: not YAML: end of sequence not found; quote values that begin with [ or { or "
       "contain \": \""},
      {"services:\n  - name: a\n    match:\n      - [db.example.com, 443]\n",
       "s.yml:4: services[0].match[0]: is a list, has to be a single value; quote it: "
       "\"[2001:db8::1]:443\""},
      {"services:\n  - {name: a, match: [10.0.0.1]}\n  - {name: a, match: [10.0.0.2]}\n",
       "s.yml:3: services[1].name: \"a\" is also on line 2; put all its matches into one service"},
      {"services:\n  - {name: a, match: [10.0.0.1]}\n  - {name: b, match: [10.0.0.1/32]}\n",
       "s.yml:3: services[1].match[0]: \"10.0.0.1/32\" is also on line 2; one destination has one "
       "service"},
      {"checks:\n  ports: {}\n",
       "s.yml:2: checks: unknown key \"ports\"; known are: system-ports, tcp-states, "
       "listen-queues, "
       "conntrack, file-descriptors"},
      {"checks:\n  conntrack: {warning: 1}\n",
       "s.yml:2: checks.conntrack: unknown key \"warning\"; known are: warningThreshold, "
       "criticalThreshold"},
      {"checks:\n  conntrack: {warningThreshold: 101}\n",
       "s.yml:2: checks.conntrack.warningThreshold: \"101\" is no percentage; give 0 to 100, such "
       "as 70"},
      {"checks:\n  conntrack:\n    warningThreshold: [1]\n",
       "s.yml:3: checks.conntrack.warningThreshold: is a list, has to be a single value such as "
       "70"},
      {"checks:\n  conntrack: {warningThreshold: 90, criticalThreshold: 80}\n",
       "s.yml:2: checks.conntrack: warningThreshold 90 is above criticalThreshold 80; swap them"},
      {"checks:\n  system-ports:\n    warningThreshold: 90\n",
       "s.yml:3: checks.system-ports.warningThreshold: system-ports would warn from 90 % on, above "
       "critical from 85 % on; change one, or give both"},
      {"checks:\n  tcp-states: {criticalThreshold: 49.5}\n",
       "s.yml:2: checks.tcp-states.criticalThreshold: tcp-states would warn from 50 % on, above "
       "critical from 49.5 % on; change one, or give both"},
      {"services: []\nservices: []\n",
       "s.yml:2: the key \"services\" is also on line 1; remove one"},
      {"services: &a []\n",
       "s.yml:1: anchors and aliases (&x, *x) are not supported; write the "
       "value out"},
      {"services: !!seq []\n",
       "s.yml:1: tags (tag:yaml.org,2002:seq) are not supported; leave it out"},
      {"services: []\n---\nservices: []\n",
       "s.yml:2: a second document; keep one, without \"---\""},
      {"[1]: 2\n", "s.yml:1: a key has to be a word"},
  }));
  INFO(text);
  CHECK_THAT(error_of(text), Equals(error));
}

TEST_CASE("a percentage is a plain number up to 100", "[config_file]") {
  const auto value = GENERATE(as<std::string>(), "-1", "100.1", "1e1", "nan", "inf", "70%", "7 0",
                              "0x1", ".", "''");
  CHECK_THAT(error_of("checks: {tcp-states: {warningThreshold: " + value + "}}"),
             Contains("is no percentage"));
}

TEST_CASE("what is no YAML is said with its line", "[config_file]") {
  CHECK_THAT(error_of("services: [\n"), Contains("not YAML"));
  CHECK_THAT(error_of("a: b: c\n"), Contains("s.yml:1: not YAML"));
  CHECK_THAT(error_of("services: *nothing\n"), Contains("s.yml:1"));
  CHECK_THAT(error_of("\tservices: []\n"), Contains("s.yml:1: not YAML"));
}

TEST_CASE("what is no text is said so, and what escapes need", "[config_file]") {
  using namespace std::string_literals;
  CHECK(error_of("services:\n\x7f"
                 "ELF\x01\0"s) ==
        "s.yml:2: not a text file: it has a byte 0x7f; give a YAML file in UTF-8, such as "
        "socket_exporter.yml");
  CHECK_THAT(error_of("services: \"a\0b\""s), Contains("byte 0x00"));
  CHECK_THAT(error_of("services: \"\\q\"\n"), Contains("not YAML") && Contains("single quotes"));
}

TEST_CASE("depth and size are limited", "[config_file]") {
  CHECK_THAT(error_of(std::string(100'000, '[')), Contains("s.yml:1"));
  CHECK_THAT(error_of("a: " + std::string(20, '[') + std::string(20, ']')),
             Equals("s.yml:1: nested too deeply"));
  CHECK_THAT(error_of(std::string((1U << 20U) + 1, '#')), Contains("larger than 1048576 bytes"));
}

TEST_CASE("a service's name is one short line", "[config_file]") {
  const auto name =
      GENERATE(as<std::string>(), "\"\"", "\"a\\nb\"", "\"\\0\"", std::string(129, 'a'));
  CHECK_THAT(error_of("services: [{name: " + name + ", match: [10.0.0.1]}]"),
             Equals("s.yml:1: services[0].name: has to be 1 to 128 bytes on one line"));
}

TEST_CASE("a file that cannot be read is named with the reason", "[config_file]") {
  const Directory directory;
  const auto missing = load_config(directory.path() + "/none.yml");
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().what, Contains("none.yml: No such file or directory; check"));

  const auto is_directory = load_config(directory.path());
  REQUIRE_FALSE(is_directory);
  CHECK_THAT(is_directory.error().what, Contains("is a directory; give the file"));

  CHECK(load_config(""));
}

TEST_CASE("a file is loaded whole, up to the limit", "[config_file]") {
  const Directory directory;
  const auto config = load_config(directory.write("good.yml", kExample));
  REQUIRE(config);
  CHECK(config->services.size() == 2);

  const auto large = load_config(directory.write("large.yml", std::string(2U << 20U, '#')));
  REQUIRE_FALSE(large);
  CHECK_THAT(large.error().what, Contains("large.yml: larger than"));

  const auto wrong = load_config(directory.write("wrong.yml", "service: []\n"));
  REQUIRE_FALSE(wrong);
  CHECK_THAT(wrong.error().what, Contains("wrong.yml:1: unknown key \"service\""));
}

TEST_CASE("a configuration names the ports of WebSockets", "[config_file]") {
  const auto config = parse_config(
      "websocket:\n  ports: [8003, 65535]\n  client_ports: [443]\n  auto: true\n  tls: true\n"
      "  limits: {8003: 10000, 443: 1}\n",
      "s.yml");
  REQUIRE(config);
  CHECK(config->websocket.ports == std::vector<std::uint16_t>{8003, 65535});
  CHECK(config->websocket.client_ports == std::vector<std::uint16_t>{443});
  CHECK(config->websocket.learns);
  CHECK(config->websocket.tls);
  CHECK(config->websocket.limits ==
        std::map<std::uint16_t, std::uint64_t>{{443, 1}, {8003, 10000}});
  const auto none = parse_config("websocket:\n", "s.yml");
  REQUIRE(none);
  CHECK(none->websocket.ports.empty());
  CHECK_FALSE(none->websocket.learns);
  CHECK_FALSE(none->websocket.tls);
}

TEST_CASE("what is wrong with the ports of WebSockets is named by file, line and key",
          "[config_file]") {
  const auto [text, error] = GENERATE(table<std::string, std::string>({
      {"websocket: [8003]\n",
       "s.yml:1: websocket: is a list, has to be a mapping with keys out of ports, client_ports, "
       "auto, tls, limits"},
      {"websocket:\n  port: 8003\n",
       "s.yml:2: websocket: unknown key \"port\"; known are: ports, client_ports, auto, tls, "
       "limits"},
      {"websocket:\n  ports: 8003\n",
       "s.yml:2: websocket.ports: is a single value, has to be a list such as [8003, 8080]"},
      {"websocket:\n  ports:\n    - 80\n    - 65536\n",
       "s.yml:4: websocket.ports[1]: \"65536\" is no port; give 1 to 65535, such as 8003"},
      {"websocket: {client_ports: [0]}\n",
       "s.yml:1: websocket.client_ports[0]: \"0\" is no port; give 1 to 65535, such as 8003"},
      {"websocket: {limits: [8003]}\n",
       "s.yml:1: websocket.limits: is a list, has to be a mapping such as {8003: 10000}"},
      {"websocket: {limits: {http: 10}}\n",
       "s.yml:1: websocket.limits: \"http\" is no port; give 1 to 65535, such as 8003"},
      {"websocket:\n  limits:\n    80: 1\n    81: 0\n",
       "s.yml:4: websocket.limits.81: \"0\" is no number of connections; give 1 or more, such as "
       "10000"},
      {"websocket: {auto: yes}\n", "s.yml:1: websocket.auto: \"yes\" has to be true or false"},
      {"websocket: {tls: 1}\n", "s.yml:1: websocket.tls: \"1\" has to be true or false"},
  }));
  CHECK_THAT(error_of(text), Equals(error));
}
