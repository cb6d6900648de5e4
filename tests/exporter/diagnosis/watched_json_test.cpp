#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "exporter/diagnosis/report.h"
#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;

namespace {

/// Two seconds in which a namespace opened connections.
struct Watched : KnownHost {
  std::vector<Report> reports;

  void add_namespace(std::string name, std::vector<SeenOpenings> openings) {
    Inspection seen = inspect_watched({});
    seen.ns.name = std::move(name);
    for (SeenOpenings& one : openings) {
      seen.watch->all.add(one.counts);
      seen.watch->openings.push_back(std::move(one));
    }
    reports.push_back(judge_report(std::move(seen), {}));
  }

  nlohmann::json of_first() {
    return nlohmann::json::parse(report_json(reports[0], {}))["watched"];
  }
  nlohmann::json of_all() { return nlohmann::json::parse(reports_json(reports, {}))["watched"]; }
};

SeenOpenings openings(std::uint16_t port, std::uint64_t attempts, std::uint64_t refused = 0) {
  SeenOpenings made;
  made.destination = {kThere, port};
  made.counts.counters[SX_ATTEMPTS] = attempts;
  made.counts.counters[SX_FAILED_REFUSED] = refused;
  made.openers = {{{42, "checkout", {}}, made.counts}};
  return made;
}

std::vector<SeenOpenings> busy(std::uint16_t first, std::uint16_t last) {
  std::vector<SeenOpenings> all;
  for (std::uint16_t port = first; port <= last; ++port) all.push_back(openings(port, 100));
  return all;
}

std::vector<int> ports_of(const nlohmann::json& watched) {
  std::vector<int> ports;
  for (const auto& row : watched["destinations"]) ports.push_back(row["destinationPort"]);
  return ports;
}

}  // namespace

TEST_CASE("Opens and failures are summed over all destinations, shown or not", "[watched_json]") {
  Watched host;
  host.add_namespace("host", busy(1, 15));
  host.add_namespace("blue", {openings(5432, 20, 14)});
  CHECK(host.of_first()["opensPerSecond"] == 750);
  CHECK(host.of_first()["failuresPerSecond"]["refused"] == 0);
  CHECK(host.of_all()["opensPerSecond"] == 753);
  CHECK(host.of_all()["failuresPerSecond"]["refused"] == 7);
  CHECK(host.of_all()["seconds"] == 2);
}

TEST_CASE("A destination that fails is shown beside ten that are busier", "[watched_json]") {
  Watched host;
  host.add_namespace("host", busy(1, 15));
  host.add_namespace("blue", {openings(5432, 20, 14)});
  const auto json = host.of_all();
  CHECK(ports_of(json) == std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9, 5432});
  CHECK(json["destinations"][9]["netns"] == "blue");
}

TEST_CASE("Destinations that fail have at most half of the rows", "[watched_json]") {
  Watched host;
  std::vector<SeenOpenings> all = busy(1, 15);
  for (std::uint16_t port = 101; port <= 109; ++port)
    all.push_back(openings(port, port - 100U, port - 100U));
  host.add_namespace("host", std::move(all));
  CHECK(ports_of(host.of_first()) == std::vector{1, 2, 3, 4, 5, 109, 108, 107, 106, 105});
}

TEST_CASE("A destination whose connections only fail has shares without a division by nothing",
          "[watched_json]") {
  Watched host;
  host.add_namespace("host", {openings(5432, 0, 3)});
  const auto row = host.of_first()["destinations"][0];
  CHECK(row["failuresPerSecond"]["refused"] == 1.5);
  CHECK(row["openers"][0]["share"] == 0);
}

TEST_CASE("Where nobody watched there are no openers", "[watched_json]") {
  KnownHost host;
  const Report report = judge_report(host.inspect_all(), {});
  CHECK(nlohmann::json::parse(report_json(report, {}))["watched"].is_null());
}
