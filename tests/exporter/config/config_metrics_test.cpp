#include "exporter/config/config_metrics.h"

#include <catch2/catch.hpp>

#include "exporter/scrape/exposition.h"

using namespace socket_exporter;
using Catch::Contains;

namespace {

const Logger kQuiet(LogLevel::error, LogFormat::logfmt);

std::string expose(const LiveConfig& config, const ServiceResolver& resolver) {
  std::string text;
  for (const auto& family : config_families(config, resolver)) {
    write_family(ExpositionFormat::text, family, text);
  }
  return text;
}

}  // namespace

TEST_CASE("a failed reload shows in the metrics", "[config_metrics]") {
  ServiceResolver resolver(
      resolve_host, [](const auto&) {}, std::chrono::hours(1), kQuiet);
  LiveConfig config(
      "/", Config{}, [](const Config&) {}, kQuiet);
  CHECK_THAT(expose(config, resolver),
             Contains("\nsocket_exporter_config_last_reload_successful 1\n") &&
                 Contains("\nsocket_exporter_config_last_reload_success_timestamp_seconds 1") &&
                 Contains("\nsocket_exporter_service_resolve_failures_total 0\n"));

  REQUIRE_FALSE(config.reload());

  CHECK_THAT(expose(config, resolver),
             Contains("\nsocket_exporter_config_last_reload_successful 0\n"));
}

TEST_CASE("every metric about the configuration is listed", "[config_metrics]") {
  ServiceResolver resolver(
      resolve_host, [](const auto&) {}, std::chrono::hours(1), kQuiet);
  const LiveConfig config(
      "", Config{}, [](const Config&) {}, kQuiet);
  const auto families = config_families(config, resolver);
  REQUIRE(families.size() == config_metrics().size());
  for (std::size_t i = 0; i < families.size(); ++i) {
    CHECK(families[i].name == config_metrics()[i].name);
  }
}
