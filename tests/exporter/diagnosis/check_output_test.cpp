#include "exporter/diagnosis/check_output.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;
using Json = nlohmann::ordered_json;

namespace {

std::vector<std::string> keys_of(const Json& json) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  return keys;
}

}  // namespace

TEST_CASE("system-ports as JSON has the documented keys in their order", "[check_output]") {
  KnownHost host;
  host.add_outgoing(20, TcpState::established);
  host.add_outgoing(10, TcpState::time_wait);

  const Json json =
      Json::parse(check_json(host.run("system-ports", {.warning = {}, .critical = 72.5})));

  CHECK(keys_of(json) == std::vector<std::string>{"check",
                                                  "status",
                                                  "score",
                                                  "message",
                                                  "portMin",
                                                  "portMax",
                                                  "totalPorts",
                                                  "usedPorts",
                                                  "usedPercent",
                                                  "warningThreshold",
                                                  "criticalThreshold",
                                                  "topConsumers",
                                                  "protocol",
                                                  "reservedPorts",
                                                  "usablePorts",
                                                  "socketsInRange",
                                                  "boundPorts",
                                                  "reusablePorts",
                                                  "fullestTuple",
                                                  "leftOutSockets",
                                                  "netns"});
  CHECK(json["status"] == "ok");
  CHECK(json["score"] == 70);
  CHECK(json["portMin"] == 20000);
  CHECK(json["portMax"] == 20099);
  CHECK(json["totalPorts"] == 100);
  CHECK(json["usedPorts"] == 30);
  CHECK(json["usedPercent"] == 30);
  CHECK(json["usedPercent"].is_number_integer());
  CHECK(json["warningThreshold"] == 70);
  CHECK(json["warningThreshold"].is_number_integer());
  CHECK(json["criticalThreshold"] == 72.5);
  CHECK(json["reservedPorts"] == 1);
  CHECK(json["usablePorts"] == 99);
  CHECK(json["socketsInRange"] == 30);
}

TEST_CASE("system-ports as JSON is about the protocol that it names", "[check_output]") {
  KnownHost host;
  host.add_outgoing(20, TcpState::established);
  CHECK(Json::parse(check_json(host.run("system-ports")))["protocol"] == "tcp");
  host.add_udp(99);
  const Json json = Json::parse(check_json(host.run("system-ports")));
  CHECK(json["protocol"] == "udp");
  CHECK(json["usedPorts"] == 99);
  CHECK(json["usedPercent"] == 100);
  CHECK(json["socketsInRange"] == 99);
  CHECK(json["topConsumers"][0]["count"] == 99);
  CHECK(json["topConsumers"][0]["process"] == "nginx");
}

TEST_CASE("Consumers and the fullest tuple say who and where to", "[check_output]") {
  KnownHost host;
  host.add_outgoing(20, TcpState::established);
  host.add_outgoing(10, TcpState::time_wait);
  host.add_outgoing(5, TcpState::established, 1, *parse_address("10.1.2.4"));

  const Json json = Json::parse(check_json(host.run("system-ports")));

  const Json& consumer = json["topConsumers"][0];
  CHECK(keys_of(consumer) == std::vector<std::string>{"localAddr", "count", "address",
                                                      "destination", "destinationCount", "process",
                                                      "pid"});
  CHECK(consumer["count"] == 35);
  CHECK(consumer["address"] == "10.0.0.5");
  CHECK(consumer["destination"] == "10.1.2.3:443");
  CHECK(consumer["destinationCount"] == 2);
  CHECK(consumer["process"] == "nginx");
  CHECK(consumer["pid"] == 42);
  const Json& tuple = json["fullestTuple"];
  CHECK(tuple["source"] == "10.0.0.5");
  CHECK(tuple["destination"] == "10.1.2.3");
  CHECK(tuple["destinationPort"] == 443);
  CHECK(tuple["usedPorts"] == 30);
  CHECK(tuple["usedPercent"] == 30);
  CHECK(tuple["states"]["time_wait"] == 10);
  CHECK(tuple["states"]["close_wait"] == 0);
}

TEST_CASE("A host without sockets has no consumers and no tuple", "[check_output]") {
  KnownHost host;
  const Json json = Json::parse(check_json(host.run("system-ports")));
  CHECK(json["topConsumers"] == Json::array());
  CHECK(json["fullestTuple"].is_null());
  CHECK(json["score"] == 100);
}

TEST_CASE("An unknown result is JSON too", "[check_output]") {
  KnownHost host;
  host.scan_error = Error{Error::Kind::io, "netlink\x1b gone"};
  const Json json = Json::parse(check_json(host.run("system-ports")));
  CHECK(json["status"] == "unknown");
  CHECK(json["score"].is_null());
  CHECK(json["message"] == "Could not be read: netlink? gone.");
  CHECK(!json.contains("usedPorts"));
}

TEST_CASE("Every other check has its own keys", "[check_output]") {
  KnownHost host;
  host.add_listener(80, 3, 128);
  host.add_outgoing(60, TcpState::close_wait);
  host.proc_files["sys/net/netfilter/nf_conntrack_max"] = "1000\n";
  host.proc_files["sys/net/netfilter/nf_conntrack_count"] = "10\n";

  const auto json_of = [&](std::string_view check) {
    const Json json = Json::parse(check_json(host.run(check)));
    CHECK(json["check"] == std::string(check));
    CHECK(json["score"].get<int>() == 100 - json["usedPercent"].get<int>());
    return json;
  };
  const Json states = json_of("tcp-states");
  CHECK(states["states"]["close_wait"] == 60);
  CHECK(states["closeWait"][0]["peer"] == "10.1.2.3:443");
  CHECK(states["orphans"] == 3);
  const Json queues = json_of("listen-queues");
  CHECK(queues["listeners"][0]["waiting"] == 3);
  CHECK(queues["listeners"][0]["limit"] == 128);
  CHECK(queues["listenOverflows"] == 7);
  CHECK(queues["listenDrops"] == 9);
  CHECK(json_of("conntrack")["entries"] == 10);
  CHECK(Json::parse(check_json(host.run("file-descriptors")))["unreadableProcesses"] == 1);
  host.hide_processes(0);
  const Json descriptors = json_of("file-descriptors");
  CHECK(descriptors["hostOpen"] == 500);
  CHECK(descriptors["processes"][0]["openFds"] == 10);
  CHECK(descriptors["unreadableProcesses"] == 0);
}

TEST_CASE("A plug-in's answer is one line with performance data", "[check_output]") {
  KnownHost host;
  host.add_outgoing(72, TcpState::established);
  CHECK(check_nagios(host.run("system-ports")) ==
        "SYSTEM PORTS WARNING - 10.0.0.5 -> 10.1.2.3:443 has 72 of 99 TCP ports in use (72 %): "
        "connect() to it fails with EADDRNOTAVAIL when none is left; 72 % of the whole range are "
        "in use.|used=72%;70;85;0;100 ports=72;;;0;99 fullest_tuple_ports=72;;;0;99 "
        "udp_ports=0;;;0;99\n");
}

TEST_CASE("A process cannot write performance data, lines or escapes", "[check_output]") {
  KnownHost host;
  host.add_outgoing(60, TcpState::close_wait, 1);
  const std::string line = check_nagios(host.run("tcp-states"));
  CHECK(line.find('|') == line.rfind('|'));
  CHECK(line.find('\n') == line.size() - 1);
  for (const std::string& text :
       {line, check_text(host.run("tcp-states")), check_json(host.run("tcp-states"))}) {
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK_THAT(text, Contains("?[2J"));
  }
}

TEST_CASE("An unknown answer of a plug-in has no performance data", "[check_output]") {
  KnownHost host;
  host.scan_error = Error{Error::Kind::io, "netlink: gone"};
  CHECK(check_nagios(host.run("system-ports")) ==
        "SYSTEM PORTS UNKNOWN - Could not be read: netlink: gone.\n");
}

TEST_CASE("As text the status comes first", "[check_output]") {
  KnownHost host;
  host.add_outgoing(90, TcpState::established);
  const std::string text = check_text(host.run("system-ports"));
  CHECK(text.starts_with("CRITICAL  10.0.0.5 -> 10.1.2.3:443 has 90 of 99 TCP ports"));
  CHECK_THAT(text, Contains("used                  90 % (warning from 70 %, critical from 85 %)"));
}

TEST_CASE("The list has every check with the thresholds in force", "[check_output]") {
  const CheckThresholds chosen{{"system-ports", {.warning = 60, .critical = {}}}};
  const Json json = Json::parse(check_list_json(chosen));
  REQUIRE(json["checks"].size() == kCheckNames.size());
  CHECK(json["checks"][0]["name"] == "system-ports");
  CHECK(json["checks"][0]["path"] == "/api/v1/checks/system-ports");
  CHECK(json["checks"][0]["warningThreshold"] == 60);
  CHECK(json["checks"][0]["criticalThreshold"] == 85);
  CHECK_THAT(check_list_text(chosen), Contains("Warning from 60 %, critical from 85 %."));
}

TEST_CASE("A check of all namespaces is the worst one's JSON with a list of all",
          "[check_output]") {
  KnownHost host;
  host.netns = {{1, "host"}, {2, "blue"}};
  host.added_to = 2;
  host.add_outgoing(90, TcpState::established);

  const auto runs = host.run_everywhere("system-ports");

  const Json json = Json::parse(checks_json(runs));
  CHECK(json["status"] == "critical");
  CHECK(json["netns"]["name"] == "blue");
  CHECK(json["usedPorts"] == 90);
  REQUIRE(json["namespaces"].size() == 2);
  CHECK(json["namespaces"][0]["message"] == json["message"]);
  CHECK(json["namespaces"][1]["netns"]["name"] == "host");
  CHECK(json["namespaces"][1]["status"] == "ok");
  CHECK_THAT(check_nagios(runs.front()), Contains("CRITICAL - blue: ") && Contains("|used=90%"));
  CHECK_THAT(checks_text(runs), Contains("2 namespaces were checked."));
}

TEST_CASE("A process is named with its pod and container", "[check_output]") {
  KnownHost host;
  host.put_nginx(1, {"shop", "cart-7d", "0123456789ab", "uid-1"});
  host.add_outgoing(5, TcpState::established);
  const Json consumer = Json::parse(check_json(host.run("system-ports")))["topConsumers"][0];
  CHECK(consumer["process"] == "nginx");
  CHECK(consumer["namespace"] == "shop");
  CHECK(consumer["pod"] == "cart-7d");
  CHECK(consumer["container"] == "0123456789ab");
}
