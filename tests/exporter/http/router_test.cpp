#include "exporter/http/router.h"

#include <catch2/catch.hpp>

namespace socket_exporter {

TEST_CASE("the router finds handlers by path and method", "[http]") {
  Router router;
  router.add("GET", "/a", [](const HttpRequest&) { return text_response(200, "a"); });
  router.add("GET", "/b", [](const HttpRequest&) { return text_response(200, "get b"); });
  router.add("POST", "/b", [](const HttpRequest&) { return text_response(200, "post b"); });
  const auto answer = [&](std::string method, std::string path) {
    return router.handle(
        {.method = std::move(method), .path = std::move(path), .query = {}, .headers = {}});
  };

  CHECK(answer("GET", "/a").body == "a\n");
  CHECK(answer("HEAD", "/a").body == "a\n");
  CHECK(answer("POST", "/b").body == "post b\n");
  CHECK(answer("GET", "/A").status == 404);
  CHECK(answer("GET", "").status == 404);

  const HttpResponse refused = answer("DELETE", "/b");
  CHECK(refused.status == 405);
  CHECK(refused.headers.at(0) == std::pair<std::string, std::string>("Allow", "GET, HEAD, POST"));
  CHECK(answer("get", "/a").status == 405);

  CHECK(router.route_of("/a") == "/a");
  CHECK(router.route_of("/unknown") == "other");
}

TEST_CASE("health routes say whether the exporter lives and is ready", "[http]") {
  bool ready = false;
  Router router;
  add_health_routes(router, [&] { return ready; });
  const auto status = [&](std::string path) {
    return router.handle({.method = "GET", .path = std::move(path), .query = {}, .headers = {}})
        .status;
  };

  CHECK(status("/-/healthy") == 200);
  CHECK(status("/-/ready") == 503);
  ready = true;
  CHECK(status("/-/ready") == 200);
}

}  // namespace socket_exporter
