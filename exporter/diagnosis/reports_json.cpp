#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "exporter/diagnosis/report_json.h"

namespace socket_exporter {
namespace {

template <typename T>
std::span<const T> rows_of(std::vector<T> SeenSockets::*list, const Report& report) {
  if (!report.seen.sockets) return {};
  return (*report.seen.sockets).*list;
}

// The rows of all reports that rank highest, with the name of their namespace.
template <typename ListOf, typename RankOf, typename ToJson>
Json top_json(std::span<const Report> reports, const ListOf& list_of, const RankOf& rank_of,
              const ToJson& convert) {
  using Row = std::pair<const Report*, decltype(list_of(reports.front()).data())>;
  std::vector<Row> rows;
  for (const Report& report : reports) {
    for (const auto& row : list_of(report)) rows.emplace_back(&report, &row);
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    return rank_of(*a.first, *a.second) > rank_of(*b.first, *b.second);
  });
  rows.resize(std::min(rows.size(), kTopRows));
  Json list = Json::array();
  for (const auto& [report, row] : rows) {
    Json json = convert(*report, *row);
    json["netns"] = report->seen.ns.name;
    list.push_back(std::move(json));
  }
  return list;
}

Json top_tuples(std::span<const Report> reports) {
  return top_json(
      reports, [](const Report& report) { return rows_of(&SeenSockets::tuples, report); },
      [](const Report& report, const SeenTuple& tuple) {
        const auto usable = std::max<std::uint32_t>(report.seen.sockets->tcp_ports.usable, 1);
        return static_cast<double>(tuple.use.ports_used) / usable;
      },
      [](const Report& report, const SeenTuple& tuple) {
        return port_tuple_json(*report.seen.sockets, tuple);
      });
}

Json top_processes(std::span<const Report> reports) {
  return top_json(
      reports, [](const Report& report) { return rows_of(&SeenSockets::processes, report); },
      [](const Report&, const SeenProcess& process) { return process.sockets(); },
      [](const Report&, const SeenProcess& process) { return process_json(process); });
}

Json top_listeners(std::span<const Report> reports) {
  return top_json(
      reports, [](const Report& report) { return rows_of(&SeenSockets::listeners, report); },
      [](const Report&, const SeenListener& listener) {
        return std::pair(listener.used_percent(), listener.waiting);
      },
      [](const Report&, const SeenListener& listener) { return listener_json(listener); });
}

// Null where they are not followed.
Json top_websockets(std::span<const Report> reports) {
  if (!reports.front().seen.websockets) return nullptr;
  return top_json(
      reports,
      [](const Report& report) {
        return report.seen.websockets ? std::span(*report.seen.websockets)
                                      : std::span<const WebsocketSeries>();
      },
      [](const Report&, const WebsocketSeries& series) {
        return std::pair(series.active, series.counts.opened);
      },
      [](const Report&, const WebsocketSeries& series) { return websocket_series_json(series); });
}

Json active_websockets(std::span<const Report> reports) {
  if (!reports.front().seen.websockets) return nullptr;
  std::int64_t active = 0;
  for (const Report& report : reports) {
    if (report.seen.websockets) active += active_in(*report.seen.websockets);
  }
  return active;
}

Json statuses_json(std::span<const Report> reports) {
  Json json;
  for (const Status status : {Status::critical, Status::warning, Status::unknown, Status::ok}) {
    json[std::string(to_string(status))] =
        std::count_if(reports.begin(), reports.end(),
                      [&](const Report& report) { return report.status == status; });
  }
  return json;
}

void add_sums(Json& json, std::span<const Report> reports) {
  StateCounts states{};
  std::uint64_t udp = 0;
  std::uint64_t tuples = 0;
  for (const Report& report : reports) {
    if (!report.seen.sockets) continue;
    const SeenSockets& sockets = *report.seen.sockets;
    std::transform(states.begin(), states.end(), sockets.states.begin(), states.begin(),
                   std::plus<>());
    udp += sockets.udp;
    tuples += sockets.tuple_count;
  }
  json["tcpStates"] = states_json(states);
  json["udpSockets"] = udp;
  json["tupleCount"] = tuples;
}

}  // namespace

std::string reports_json(std::span<const Report> reports, const ReportContext& context,
                         const ReportLimits& limits) {
  Json json;
  json["status"] = to_string(reports.front().status);
  json["headline"] = reports.front().headline;
  json["netns"] = netns_json(reports.front().seen.ns);
  json["statuses"] = statuses_json(reports);
  add_sums(json, reports);
  json["tuples"] = top_tuples(reports);
  json["watched"] = watched_json(reports, kTopRows);
  json["processes"] = top_processes(reports);
  json["unreadableProcesses"] = reports.front().seen.unreadable_processes;
  json["listeners"] = top_listeners(reports);
  json["websockets"] = top_websockets(reports);
  json["activeWebsockets"] = active_websockets(reports);
  json["time"] = unix_time(context.time);
  json["thresholds"] = thresholds_json(context.thresholds);
  json["features"] = features_json(context.features);
  json["reports"] = Json::array();
  for (const Report& report : reports.first(std::min(reports.size(), limits.reports))) {
    json["reports"].push_back(to_json(report, limits.rows));
  }
  return dump(json);
}

}  // namespace socket_exporter
