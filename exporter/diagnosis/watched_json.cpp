#include <algorithm>
#include <nlohmann/json.hpp>

#include "exporter/diagnosis/opening_words.h"
#include "exporter/diagnosis/report_json.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

/// A destination of one report.
struct WatchedRow {
  const Report* report;
  const SeenOpenings* openings;
};

void add_rates(Json& json, const SeenWatch& watch, const OpenCounts& counts) {
  json["opensPerSecond"] = watch.per_second(counts.opened());
  json["failuresPerSecond"] = Json::object();
  for (std::size_t i = 0; i < std::size(kFailureNames); ++i) {
    json["failuresPerSecond"][std::string(kFailureNames[i])] =
        watch.per_second(counts.counters[SX_FAILED_NO_PORT + i]);
  }
}

Json opener_json(const SeenWatch& watch, const SeenOpenings& openings, const SeenOpener& opener) {
  const std::uint64_t all = openings.counts.attempts();
  Json json;
  add_process(json, opener.process);
  json["share"] =
      all == 0 ? 0.0 : static_cast<double>(opener.counts.attempts()) / static_cast<double>(all);
  json["opensPerSecond"] = watch.per_second(opener.counts.opened());
  return json;
}

Json row_json(const WatchedRow& row) {
  const SeenWatch& watch = *row.report->seen.watch;
  const SeenOpenings& openings = *row.openings;
  const OpenCounts& counts = openings.counts;
  Json json;
  json["netns"] = row.report->seen.ns.name;
  json["destination"] = to_string(openings.destination.address);
  json["destinationPort"] = openings.destination.port;
  json["service"] = openings.service;
  add_rates(json, watch, counts);
  json["timeWaitPerSecond"] = watch.per_second(counts.counters[SX_TIME_WAIT]);
  json["lifetimeSeconds"] = openings.lifetime ? Json(openings.lifetime->count()) : Json(nullptr);
  json["shortLivedPercent"] =
      counts.closed() > 0 ? Json(whole_percent(counts.counters[SX_SHORT_LIVED], counts.closed()))
                          : Json(nullptr);
  json["openers"] = Json::array();
  for (std::size_t i = 0; i < std::min(openings.openers.size(), kTopRows); ++i) {
    json["openers"].push_back(opener_json(watch, openings, openings.openers[i]));
  }
  return json;
}

// Where ten busy peers are well, the one that fails has to be seen beside them.
std::vector<WatchedRow> worth_showing(std::vector<WatchedRow> all, std::size_t rows) {
  const auto by_attempts = [](const WatchedRow& a, const WatchedRow& b) {
    return a.openings->counts.attempts() > b.openings->counts.attempts();
  };
  const auto failed = [](const WatchedRow& row) { return row.openings->counts.failed(); };
  std::stable_sort(all.begin(), all.end(),
                   [&](const WatchedRow& a, const WatchedRow& b) { return failed(a) > failed(b); });
  const auto most = all.begin() + static_cast<std::ptrdiff_t>(std::min((rows + 1) / 2, all.size()));
  const auto failing =
      std::find_if(all.begin(), most, [&](const WatchedRow& row) { return failed(row) == 0; });
  std::stable_sort(failing, all.end(), by_attempts);
  all.resize(std::min(rows, all.size()));
  std::stable_sort(all.begin(), all.end(), by_attempts);
  return all;
}

}  // namespace

Json watched_json(std::span<const Report> reports, std::size_t rows) {
  const SeenWatch* watched = nullptr;
  OpenCounts sum;
  std::vector<WatchedRow> all;
  for (const Report& report : reports) {
    if (!report.seen.watch) continue;
    watched = &*report.seen.watch;
    sum.add(watched->all);
    for (const SeenOpenings& openings : watched->openings) all.push_back({&report, &openings});
  }
  if (watched == nullptr) return nullptr;
  Json json;
  json["seconds"] = watched->time.count();
  add_rates(json, *watched, sum);
  json["destinations"] = Json::array();
  for (const WatchedRow& row : worth_showing(std::move(all), rows)) {
    json["destinations"].push_back(row_json(row));
  }
  return json;
}

}  // namespace socket_exporter
