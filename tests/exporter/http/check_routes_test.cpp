#include "exporter/http/check_routes.h"

#include <catch2/catch.hpp>

#include "tests/exporter/http/known_server.h"

using namespace socket_exporter;

namespace {

struct Api : KnownServer {
  Api() {
    add_check_routes(router, scraper, [this] { return thresholds; });
  }

  HttpResponse get(std::string_view path, std::string_view query = "") {
    const auto request = parse_request("GET", path, query);
    REQUIRE(request);
    return router.handle(*request);
  }
};

}  // namespace

TEST_CASE("/api/v1/checks lists the catalogue with thresholds and paths", "[check_routes]") {
  Api api;
  api.host.hide_processes(0);
  api.thresholds["system-ports"] = {.warning = 60, .critical = {}};

  const HttpResponse response = api.get("/api/v1/checks");

  CHECK(response.status == 200);
  CHECK(response.content_type == "application/json");
  const auto json = body_of(response);
  REQUIRE(json["checks"].size() == 5);
  CHECK(json["checks"][0]["warningThreshold"] == 60);
  for (const auto& check : json["checks"]) {
    CHECK(api.get(check["path"].get<std::string>()).status == 200);
  }
}

TEST_CASE("A check answers 200 whatever it finds", "[check_routes]") {
  Api api;
  api.host.add_outgoing(90, TcpState::time_wait);
  const HttpResponse response = api.get("/api/v1/checks/system-ports");
  CHECK(response.status == 200);
  CHECK(body_of(response)["status"] == "critical");
  CHECK(body_of(response)["usedPorts"] == 90);
}

TEST_CASE("Thresholds come from the configuration in force, then from the query",
          "[check_routes]") {
  Api api;
  api.host.add_outgoing(30, TcpState::established);
  CHECK(body_of(api.get("/api/v1/checks/system-ports"))["status"] == "ok");
  api.thresholds["system-ports"] = {.warning = 20, .critical = 80};
  CHECK(body_of(api.get("/api/v1/checks/system-ports"))["status"] == "warning");
  const auto json = body_of(api.get("/api/v1/checks/system-ports", "criticalThreshold=25"));
  CHECK(json["status"] == "critical");
  CHECK(json["warningThreshold"] == 20);
  CHECK(json["criticalThreshold"] == 25);
  CHECK(api.get("/api/v1/checks/system-ports", "warningThreshold=high").status == 400);
}

TEST_CASE("Thresholds that would warn only above critical are refused", "[check_routes]") {
  Api api;
  const auto status_of = [&](std::string_view query) {
    return api.get("/api/v1/checks/system-ports", query).status;
  };
  CHECK(status_of("warningThreshold=90&criticalThreshold=10") == 400);
  CHECK(status_of("warningThreshold=90") == 400);  // the default is 85
  CHECK(status_of("criticalThreshold=69.5") == 400);
  CHECK(status_of("warningThreshold=85") == 200);
  api.thresholds["system-ports"] = {.warning = 20, .critical = 30};
  CHECK(status_of("warningThreshold=40") == 400);
  CHECK(status_of("criticalThreshold=20") == 200);
  CHECK(status_of("warningThreshold=40&criticalThreshold=50") == 200);
}

TEST_CASE("What cannot be read is 503, with the reason in the body", "[check_routes]") {
  Api api;
  api.host.scan_error = Error{Error::Kind::io, "netlink: gone"};
  const HttpResponse response = api.get("/api/v1/checks/system-ports");
  CHECK(response.status == 503);
  CHECK(body_of(response)["status"] == "unknown");
  CHECK(body_of(response)["message"] == "Could not be read: netlink: gone.");
}

TEST_CASE("A check that there is not is 404", "[check_routes]") {
  Api api;
  CHECK(api.get("/api/v1/checks/nonsense").status == 404);
}

TEST_CASE("A check looks at the namespace that the query names", "[check_routes]") {
  Api api;
  api.host.netns = {{1, "host"}, {2, "blue"}};
  api.host.netns_of_pid = {{77, 2}};
  api.host.added_to = 2;
  api.host.add_outgoing(90, TcpState::time_wait);
  const auto get = [&](std::string_view query) {
    return api.get("/api/v1/checks/system-ports", query);
  };
  CHECK(body_of(get(""))["usedPorts"] == 0);
  CHECK(body_of(get("netns=blue"))["usedPorts"] == 90);
  CHECK(body_of(get("netns=77"))["netns"]["name"] == "blue");
  const auto all = body_of(get("netns=all"));
  CHECK(all["status"] == "critical");
  CHECK(all["namespaces"].size() == 2);
  const HttpResponse refused = get("netns=bleu");
  CHECK(refused.status == 400);
  CHECK(refused.body.find("did you mean \"blue\"? There is: host, blue.") != std::string::npos);
}
