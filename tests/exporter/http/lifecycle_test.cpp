#include "exporter/http/lifecycle.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;
using Catch::Contains;

namespace {

const Logger kQuiet(LogLevel::error, LogFormat::logfmt);

// A reload of this path fails: it is a directory.
constexpr const char* kWrongFile = "/";

HttpResponse ask(const char* method, LiveConfig& config, bool enabled) {
  Router router;
  add_lifecycle_routes(router, config, enabled);
  return router.handle({.method = method, .path = "/-/reload", .query = {}, .headers = {}});
}

}  // namespace

TEST_CASE("a reload over HTTP is refused unless it is switched on", "[lifecycle]") {
  int applied = 0;
  LiveConfig config(
      "", Config{}, [&](const Config&) { ++applied; }, kQuiet);
  const HttpResponse response = ask("POST", config, false);
  CHECK(response.status == 403);
  CHECK_THAT(response.body, Contains("Lifecycle API is not enabled."));
  CHECK(applied == 1);
}

TEST_CASE("POST and PUT reload, GET does not", "[lifecycle]") {
  int applied = 0;
  LiveConfig config(
      "", Config{}, [&](const Config&) { ++applied; }, kQuiet);
  CHECK(ask("POST", config, true).status == 200);
  CHECK(ask("PUT", config, true).status == 200);
  CHECK(applied == 3);
  CHECK(ask("GET", config, true).status == 405);
  CHECK(ask("HEAD", config, true).status == 405);
  CHECK(applied == 3);
}

TEST_CASE("a reload that fails says why", "[lifecycle]") {
  LiveConfig config(
      kWrongFile, Config{}, [](const Config&) {}, kQuiet);
  const HttpResponse response = ask("POST", config, true);
  CHECK(response.status == 500);
  CHECK_THAT(response.body, Contains("/: is a directory"));
}
