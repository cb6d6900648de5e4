#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "collectors/collector.h"
#include "exporter/cli/cli.h"

using namespace socket_exporter;
using Catch::Contains;

TEST_CASE("the reference has a row for every metric of every collector", "[metrics]") {
  const std::string text = metrics_reference(OutputFormat::markdown);
  for (const CollectorEntry* entry : all_collectors()) {
    CHECK_THAT(text, Contains("\n## " + std::string(entry->name) + "\n"));
    for (const MetricInfo& metric : entry->metrics) {
      CHECK_THAT(text, Contains("\n| `" + std::string(metric.name) + "` | "));
    }
  }
  CHECK_THAT(text,
             Contains("| `socket_exporter_build_info` | gauge | version, revision, branch") &&
                 Contains("| `socket_exporter_http_requests_total` | counter | code, path |") &&
                 Contains("| `socket_exporter_config_last_reload_successful` | gauge |  |"));
}

TEST_CASE("the reference as JSON has each metric once, with its help", "[metrics]") {
  const auto list = nlohmann::json::parse(metrics_reference(OutputFormat::json));
  std::set<std::string> names;
  for (const auto& entry : list) {
    INFO(entry.dump());
    CHECK(names.insert(entry["name"].get<std::string>()).second);
    CHECK_FALSE(entry["help"].get<std::string>().empty());
    CHECK(entry["labels"].is_array());
  }
  CHECK(names.contains("socket_tcp_sockets"));
}
