#include "exporter/diagnosis/websocket_report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "collectors/base/text.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

namespace {

SeenWebsockets server(std::uint64_t opened = 100) {
  SeenWebsockets seen;
  seen.netns = "host";
  seen.port = 8003;
  seen.counts.opened = opened;
  return seen;
}

WebsocketWatch watch(SeenWebsockets seen) {
  return {std::chrono::seconds(60), {std::move(seen)}};
}

// Empty: nothing was found.
std::string causes(SeenWebsockets seen) {
  std::string all;
  for (const auto& finding : find_websocket_causes(watch(std::move(seen)))) {
    all += std::string(all.empty() ? "" : " ") + std::string(to_string(finding.cause));
  }
  return all;
}

constexpr int kAfter60Seconds = 9;  // bucket of lifetimes

}  // namespace

TEST_CASE("half of the closes after the same silence are an idle timeout", "[websocket_report]") {
  SeenWebsockets seen = server();
  seen.counts.closed[SX_ABNORMAL_FIN][SX_BY_SERVER] = 40;
  seen.counts.closed[SX_NORMAL][SX_BY_CLIENT] = 40;
  seen.counts.silence.buckets[kAfter60Seconds] = 40;
  CHECK(causes(seen) == "idle_timeout");
  const std::string text = websocket_text(watch(seen), false);
  CHECK_THAT(text, Contains("40 of 80 (50 %) connections that ended at port 8003 of host"));
  CHECK_THAT(text, Contains("after 60 s of silence"));
  CHECK_THAT(text, Contains("proxy_read_timeout"));
  CHECK_THAT(text, Contains("ping every 25 s"));
  seen.counts.closed[SX_NORMAL][SX_BY_CLIENT] = 41;
  CHECK(causes(seen).empty());
}

TEST_CASE("connections that the server gave up after the same silence are no idle timeout",
          "[websocket_report]") {
  SeenWebsockets seen = server();
  seen.counts.closed[SX_ABNORMAL_LOCAL][SX_BY_SERVER] = 40;
  seen.counts.silence.buckets[kAfter60Seconds] = 40;
  CHECK(causes(seen) == "reset_storm");
  CHECK_THAT(websocket_text(watch(seen), false), Contains("gave up those that did not answer"));
}

TEST_CASE("many connections that break are a storm, by whoever broke them", "[websocket_report]") {
  SeenWebsockets seen = server(100);
  const auto reason = GENERATE(SX_ABNORMAL_RESET, SX_ABNORMAL_LOCAL, SX_ABNORMAL_TIMEOUT);
  seen.counts.closed[reason][SX_BY_NONE] = 20;
  CHECK(causes(seen) == "reset_storm");
  seen.counts.closed[reason][SX_BY_NONE] = 19;  // of all connections
  CHECK(causes(seen).empty());
  seen.counts.closed[reason][SX_BY_NONE] = 20;
  seen.counts.closed[SX_NORMAL][SX_BY_CLIENT] = 21;  // of those that ended
  CHECK(causes(seen).empty());
}

TEST_CASE("a tenth of the handshakes that fails is told with who refused them",
          "[websocket_report]") {
  SeenWebsockets seen = server(90);
  const auto [error, words] = GENERATE(table<sx_websocket_error, std::string>({
      {SX_HTTP_4XX, "Origin"},
      {SX_HTTP_5XX, "behind the proxy"},
      {SX_INCOMPLETE, "not answered"},
  }));
  seen.counts.errors[error] = 10;
  CHECK(causes(seen) == "handshakes");
  CHECK_THAT(websocket_text(watch(seen), false), Contains(words));
  seen.counts.errors[error] = 9;
  CHECK(causes(seen).empty());
  seen.counts.errors[SX_NO_REQUEST] = 50;
  CHECK(causes(seen).empty());
}

TEST_CASE("servers that send clients away are a rollout", "[websocket_report]") {
  SeenWebsockets seen = server();
  seen.counts.closed[SX_GOING_AWAY][SX_BY_SERVER] = 30;
  seen.counts.closed[SX_GOING_AWAY][SX_BY_CLIENT] = 30;
  CHECK(causes(seen) == "rollout");
  seen.counts.closed[SX_GOING_AWAY][SX_BY_CLIENT] = 31;
  CHECK(causes(seen).empty());
}

TEST_CASE("slow consumers show in the queues of the server, or by its close codes",
          "[websocket_report]") {
  SeenWebsockets seen = server(20);
  SECTION("queues") {
    seen.full = 2;
    seen.waiting = 4096 * 1024;
    CHECK_THAT(websocket_text(watch(seen), false), Contains("2 connections with 4,096 KiB"));
    CHECK(causes(seen) == "slow_consumers");
    seen.full = 1;
  }
  SECTION("close codes") {
    seen.counts.closed[SX_TRY_AGAIN_LATER][SX_BY_SERVER] = 3;
    CHECK(causes(seen) == "slow_consumers");
    seen.counts.closed[SX_TRY_AGAIN_LATER][SX_BY_SERVER] = 2;
  }
  CHECK(causes(seen).empty());
}

TEST_CASE("the worst finding is the headline, and all are in the JSON", "[websocket_report]") {
  SeenWebsockets seen = server(50);
  seen.counts.closed[SX_GOING_AWAY][SX_BY_SERVER] = 30;
  seen.counts.errors[SX_HTTP_5XX] = 40;
  seen.counts.messages[SX_IN][SX_TEXT] = 7;
  seen.counts.bytes[SX_OUT] = 12;
  const auto json = nlohmann::json::parse(websocket_json(watch(seen)));
  CHECK(json["status"] == "critical");
  CHECK(json["headline"] == "40 of 90 (44 %) handshakes at port 8003 of host failed.");
  CHECK(json["seconds"] == 60);
  CHECK(json["findings"].size() == 2);
  CHECK(json["findings"][1]["cause"] == "rollout");
  const auto& one = json["servers"][0];
  CHECK(one["open"] == 20);
  CHECK(one["ended"][0] ==
        nlohmann::json{{"reason", "going_away"}, {"initiator", "server"}, {"count", 30}});
  CHECK(one["handshakeErrors"]["http_5xx"] == 40);
  CHECK(one["messages"]["in"] == 7);
  CHECK(one["bytes"]["out"] == 12);
}

TEST_CASE("what is inside of TLS is told apart in the report of WebSockets", "[websocket_report]") {
  SeenWebsockets seen = server();
  CHECK_THAT(websocket_text(watch(seen), false), Contains("Server    port 8003 of host: 100 open"));
  CHECK_THAT(websocket_json(watch(seen)), !Contains("tls"));
  seen.tls = true;
  CHECK_THAT(websocket_text(watch(seen), false), Contains("port 8003 (TLS) of host: 100 open"));
  CHECK(nlohmann::json::parse(websocket_json(watch(seen)))["servers"][0]["tls"] == true);
}

TEST_CASE("where all is well, or nobody came, the report of WebSockets says so",
          "[websocket_report]") {
  CHECK_THAT(websocket_text(watch(server()), false),
             Contains("1 WebSocket server was seen, and nothing unusual in 60 s."));
  CHECK_THAT(websocket_text({std::chrono::milliseconds(500), {}}, false),
             Contains("No WebSocket connection was seen in 0.5 s."));
}

TEST_CASE("no line of the report of WebSockets is wider than a screen", "[websocket_report]") {
  SeenWebsockets seen = server(1'000'000);
  seen.workload = std::string(200, 'w');
  for (auto& by : seen.counts.closed) by[SX_BY_CLIENT] = by[SX_BY_SERVER] = 123'456;
  for (auto& error : seen.counts.errors) error = 123'456;
  const std::string text = websocket_text(watch(seen), false);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = next_line(rest);
    if (line.find("wwww") == std::string_view::npos) CHECK(line.size() <= 100);
  }
}
