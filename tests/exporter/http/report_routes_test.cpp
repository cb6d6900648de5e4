#include "exporter/http/report_routes.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "exporter/http/server.h"
#include "tests/exporter/http/known_server.h"
#include "tests/exporter/http/raw_client.h"

using namespace socket_exporter;
using Catch::Contains;

namespace {

struct Api : KnownServer {
  ReportSource source{scraper, [this] { return thresholds; }};

  Api() { add_report_routes(router, source); }

  // Any thread, so no assertion: Catch has them in one only.
  HttpResponse get(std::string_view query = "") {
    return router.handle(*parse_request("GET", "/api/v1/report", query));
  }
};

// All run until the result is gone.
std::vector<std::jthread> at_once(int clients, const std::function<void()>& ask) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < clients; ++i) threads.emplace_back(ask);
  return threads;
}

}  // namespace

TEST_CASE("/api/v1/report is what report prints, with features and a time", "[report_routes]") {
  Api api;
  api.host.feature_list = {{"socket_walk", true, ""}, {"bind_tracking", false, "needs CAP_BPF"}};
  api.host.add_outgoing(90, TcpState::time_wait);

  const HttpResponse response = api.get();

  CHECK(response.status == 200);
  CHECK(response.content_type == "application/json");
  CHECK(response.headers.front() ==
        std::pair<std::string, std::string>("Cache-Control", "no-store"));
  const auto json = body_of(response);
  CHECK(json["status"] == "critical");
  CHECK(json["netns"]["name"] == "host");
  CHECK(json["tuples"][0]["usedPorts"] == 90);
  CHECK(json["tuples"][0]["usablePorts"] == 99);
  CHECK(json["tcpStates"]["time_wait"] == 90);
  CHECK(json["features"][1]["on"] == false);
  CHECK(json["features"][1]["reason"] == "needs CAP_BPF");
  CHECK(json["time"] > 1.5e9);
}

TEST_CASE("Of all namespaces the report has sums, and the top of their lists", "[report_routes]") {
  Api api;
  api.host.netns = {{1, "host"}, {2, "blue"}};
  api.host.add_outgoing(10, TcpState::established);
  api.host.added_to = 2;
  api.host.add_outgoing(60, TcpState::time_wait);
  api.host.add_outgoing(20, TcpState::established, 1, *parse_address("10.9.9.9"));

  const auto json = body_of(api.get("netns=all"));

  CHECK(json["statuses"]["ok"] == 1);
  CHECK(json["tcpStates"]["time_wait"] == 60);
  CHECK(json["tcpStates"]["established"] == 30);
  CHECK(json["tupleCount"] == 3);
  REQUIRE(json["tuples"].size() == 3);
  CHECK(json["tuples"][0]["usedPorts"] == 60);
  CHECK(json["tuples"][0]["netns"] == "blue");
  CHECK(json["tuples"][2]["netns"] == "host");
  REQUIRE(json["reports"].size() == 2);
  CHECK(json["reports"][0]["netns"]["name"] == "blue");
  CHECK(json["reports"][0]["tuples"].size() == 1);
}

TEST_CASE("However many namespaces there are, the worst hundred are in the report",
          "[report_routes]") {
  Api api;
  for (std::uint32_t i = 2; i <= 300; ++i) {
    api.host.netns.push_back({i, "pod-" + std::to_string(i)});
    api.host.added_to = i;
    api.host.add_outgoing(1, TcpState::established);
  }
  api.host.add_outgoing(80, TcpState::time_wait);

  const auto json = body_of(api.get("netns=all"));

  CHECK(json["reports"].size() == 100);
  CHECK(json["reports"][0]["netns"]["name"] == "pod-300");
  CHECK(json["statuses"]["warning"].get<int>() + json["statuses"]["critical"].get<int>() == 1);
  CHECK(json["tuples"].size() == 10);
  CHECK(json["tupleCount"] == 299);
}

TEST_CASE("The report is of the namespace that the query names", "[report_routes]") {
  Api api;
  api.host.netns = {{1, "host"}, {2, "blue"}};
  api.host.netns_of_pid = {{77, 2}};
  api.host.added_to = 2;
  api.host.add_outgoing(90, TcpState::time_wait);
  CHECK(body_of(api.get())["ports"]["usedPorts"] == 0);
  CHECK(body_of(api.get("netns=blue"))["ports"]["usedPorts"] == 90);
  CHECK(body_of(api.get("netns=77"))["netns"]["name"] == "blue");
  const HttpResponse refused = api.get("netns=bleu");
  CHECK(refused.status == 400);
  CHECK_THAT(refused.body, Contains("did you mean \"blue\"?"));
}

TEST_CASE("Requests within a second share one pass over the sockets", "[report_routes]") {
  Api api;
  CHECK(api.get().status == 200);
  CHECK(api.get("netns=all").status == 200);
  CHECK(api.host.scans == 1);
  CHECK(api.host.owner_walks == 1);
}

TEST_CASE("Requests at the same time share one pass over the sockets", "[report_routes]") {
  Api api;
  Gate gate;
  api.host.gate = &gate;
  std::atomic<int> answered{0};
  auto clients = at_once(6, [&] { answered += api.get("netns=all").status == 200 ? 1 : 0; });
  REQUIRE(gate.wait_for_scan());
  gate.open();
  clients.clear();
  CHECK(answered == 6);
  CHECK(api.host.scans == 1);
}

TEST_CASE("More than eight requests for the report at once are refused", "[report_routes]") {
  Api api;
  Gate gate;
  api.host.gate = &gate;
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  at_once(9, [&] {
    const int status = api.get().status;
    ++(status == 503 ? refused : answered);
    if (status == 503) gate.open();
  });
  CHECK(answered == 8);
  CHECK(refused == 1);
}

TEST_CASE("While the next report takes long, the last one is the answer", "[report_routes]") {
  Api api;
  const auto first = body_of(api.get());
  Gate gate;
  api.host.gate = &gate;
  auto maker = at_once(1, [&] {
    while (api.host.scans == 1) api.get();
  });
  REQUIRE(gate.wait_for_scan());

  const HttpResponse meanwhile = api.get();

  REQUIRE(meanwhile.status == 200);
  CHECK(body_of(meanwhile)["time"] == first["time"]);
  gate.open();
  maker.clear();
  CHECK(body_of(api.get())["time"] > first["time"]);
  CHECK(api.host.scans == 2);
}

TEST_CASE("Reports that take long leave threads to everything else", "[report_routes]") {
  Api api;
  api.router.add("GET", "/hello", [](const HttpRequest&) { return text_response(200, "hello"); });
  const HttpServer server({"127.0.0.1:0"}, api.router, api.logger, {.threads = 10});
  const std::string url = server.urls().at(0);
  Gate gate;
  api.host.gate = &gate;
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  auto viewers = at_once(9, [&] {
    const bool is_refused = http_get(url, "/api/v1/report?netns=all").starts_with("HTTP/1.1 503");
    ++(is_refused ? refused : answered);
    refused.notify_one();
  });
  refused.wait(0);  // eight wait

  CHECK_THAT(http_get(url, "/hello"), Catch::StartsWith("HTTP/1.1 200"));

  gate.open();
  viewers.clear();
  CHECK(answered == 8);
  CHECK(refused == 1);
  CHECK(api.host.scans == 1);
}

TEST_CASE("The thresholds in force are in the report", "[report_routes]") {
  Api api;
  api.thresholds = {{"system-ports", {.warning = 20, .critical = 30.5}}};
  for (const char* query : {"", "netns=all"}) {
    const auto json = body_of(api.get(query))["thresholds"];
    CHECK(json["system-ports"] ==
          nlohmann::json::parse(R"({"warningThreshold":20,"criticalThreshold":30.5})"));
    CHECK(json["listen-queues"]["criticalThreshold"] == 85);
  }
}

TEST_CASE("A report that finds the sockets unreadable says so", "[report_routes]") {
  Api api;
  api.host.scan_error = Error{Error::Kind::io, "netlink: gone"};
  const auto json = body_of(api.get());
  CHECK(json["status"] == "unknown");
  CHECK(json["headline"] == "Could not be read: netlink: gone.");
}

TEST_CASE("What changed since the last report is who opens connections", "[report_routes]") {
  Api api;
  api.host.netns = {{1, "host", 100}};
  ConnectRecord record{.key = {.netns = {100, 1}, .destination = kThere, .port = 443}};
  record.counters[SX_ATTEMPTS] = 5;
  api.host.connect_counts = ConnectCounts{.connects = {record}};
  CHECK(body_of(api.get())["watched"].is_null());

  api.host.connect_counts->connects.front().counters[SX_ATTEMPTS] = 12;
  nlohmann::json watched;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (watched.is_null() && std::chrono::steady_clock::now() < limit) {
    watched = body_of(api.get())["watched"];
  }

  REQUIRE(watched["destinations"].size() == 1);
  const auto& to = watched["destinations"][0];
  CHECK(to["destinationPort"] == 443);
  CHECK(to["opensPerSecond"].get<double>() * watched["seconds"].get<double>() == Approx(7));
}

TEST_CASE("WebSocket connections and how they end are in the report", "[report_routes]") {
  Api api;
  api.scraper.set_websocket({.ports = {.server = {8003}}, .limits = {}});
  api.host.netns = {{1, "host", 100}};
  sx_websocket_counts counts{};
  counts.opened = 9;
  counts.closed[SX_GOING_AWAY][SX_BY_SERVER] = 3;
  counts.errors[SX_HTTP_4XX] = 2;
  WebsocketRecord record{{.netns = {100, 1}, .port = 8003}};
  std::memcpy(record.counters.data(), &counts, sizeof counts);
  api.host.websocket_counts = WebsocketCounts{.records = {record}};

  const auto json = body_of(api.get("netns=all"));

  CHECK(json["activeWebsockets"] == 6);
  const auto& port = json["websockets"].at(0);
  CHECK(port["port"] == "8003");
  CHECK(port["netns"] == "host");
  CHECK(port["active"] == 6);
  CHECK(port["closed"] ==
        nlohmann::json::parse(R"([{"reason":"going_away","initiator":"server","connections":3}])"));
  CHECK(port["failedHandshakes"] == nlohmann::json::parse(R"({"http_4xx":2})"));
  CHECK(body_of(api.get())["websockets"].at(0)["opened"] == 9);
}

TEST_CASE("Where WebSockets are not followed the report has null for them", "[report_routes]") {
  Api api;
  api.host.websocket_counts = Error{Error::Kind::unavailable, "no ports"};
  CHECK(body_of(api.get())["websockets"].is_null());
  CHECK(body_of(api.get("netns=all"))["activeWebsockets"].is_null());
}
