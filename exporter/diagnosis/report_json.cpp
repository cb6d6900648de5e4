#include "exporter/diagnosis/report_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "collectors/websocket_names.h"
#include "exporter/diagnosis/report.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

Json findings_json(const Report& report) {
  Json list = Json::array();
  for (const Finding& finding : report.findings) {
    Json json;
    json["cause"] = to_string(finding.cause);
    json["status"] = to_string(finding.status);
    json["headline"] = finding.headline;
    json["explanation"] = finding.explanation;
    json["steps"] = finding.steps;
    const std::string where = where_to_run(report.seen, finding);
    json["where"] = where.empty() ? Json(nullptr) : Json(where);
    list.push_back(std::move(json));
  }
  return list;
}

Json ports_json(const SeenSockets& sockets) {
  Json json;
  json["portMin"] = sockets.port_min;
  json["portMax"] = sockets.port_max;
  json["totalPorts"] = sockets.total_ports();
  json["reservedPorts"] = sockets.reserved;
  json["usablePorts"] = sockets.tcp_ports.usable;
  json["usedPorts"] = sockets.tcp_ports.used;
  json["usedPercent"] = sockets.used_percent();
  json["socketsInRange"] = sockets.in_range;
  json["boundPorts"] = sockets.bound_ports();
  json["reusablePorts"] = sockets.reusable_ports();
  json["udpUsedPorts"] = sockets.udp_ports.used;
  json["udpUsedPercent"] = sockets.udp_percent();
  json["states"] = states_json(sockets.range_states);
  return json;
}

Json conntrack_json(const Result<SeenConntrack>& conntrack) {
  if (!conntrack) return nullptr;
  Json json;
  json["entries"] = conntrack->entries;
  json["limit"] = conntrack->limit;
  json["dropped"] = conntrack->dropped;
  return json;
}

template <typename List, typename ToJson>
Json list_json(const List& all, std::size_t rows, const ToJson& convert) {
  Json list = Json::array();
  for (std::size_t i = 0; i < std::min(all.size(), rows); ++i) list.push_back(convert(all[i]));
  return list;
}

Json gaps_json(const SeenGaps& gaps) {
  if (gaps.parts.empty()) return nullptr;
  Json json;
  json["parts"] = gaps.parts;
  json["reason"] = gaps.why;
  return json;
}

}  // namespace

Json port_tuple_json(const SeenSockets& sockets, const SeenTuple& tuple) {
  Json json = tuple_json(sockets, tuple);
  json["usablePorts"] = sockets.tcp_ports.usable;
  return json;
}

Json process_json(const SeenProcess& process) {
  Json json;
  add_process(json, process.process);
  json["sockets"] = process.sockets();
  json["tcp"] = states_json(process.tcp);
  json["udp"] = process.udp;
  add_descriptors(json, process);
  return json;
}

Json websocket_series_json(const WebsocketSeries& series) {
  Json json;
  json["port"] = series.port;
  if (!series.pod.empty()) {
    json["namespace"] = series.pod_namespace;
    json["pod"] = series.pod;
  }
  if (series.tls) json["tls"] = true;
  json["active"] = series.active;
  json["opened"] = series.counts.opened;
  json["closed"] = Json::array();
  for (std::size_t reason = 0; reason < SX_CLOSE_REASONS; ++reason) {
    for (std::size_t by = 0; by < SX_INITIATORS; ++by) {
      const std::uint64_t count = series.counts.closed[reason][by];
      if (count == 0) continue;
      json["closed"].push_back({{"reason", kCloseReasons[reason]},
                                {"initiator", kInitiators[by]},
                                {"connections", count}});
    }
  }
  json["failedHandshakes"] = Json::object();
  for (std::size_t error = 0; error < SX_HANDSHAKE_ERRORS; ++error) {
    const std::uint64_t count = series.counts.errors[error];
    if (count > 0) json["failedHandshakes"][std::string(kHandshakeErrors[error])] = count;
  }
  return json;
}

std::int64_t active_in(const std::vector<WebsocketSeries>& all) {
  return std::accumulate(
      all.begin(), all.end(), std::int64_t{0},
      [](std::int64_t sum, const WebsocketSeries& series) { return sum + series.active; });
}

Json features_json(const std::vector<Feature>& features) {
  Json list = Json::array();
  for (const Feature& feature : features) {
    list.push_back({{"feature", feature.name}, {"on", feature.on}, {"reason", feature.reason}});
  }
  return list;
}

Json thresholds_json(const CheckThresholds& chosen) {
  Json json;
  for (const CheckInfo& check : all_checks()) {
    add_levels(json[std::string(check.name)],
               levels_of(check.defaults, thresholds_of(check.name, chosen)));
  }
  return json;
}

double unix_time(std::chrono::system_clock::time_point time) {
  const auto since = time.time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count()) /
         1e3;
}

Json to_json(const Report& report, std::size_t rows) {
  Json json;
  json["status"] = to_string(report.status);
  json["headline"] = report.headline;
  json["netns"] = netns_json(report.seen.ns);
  json["findings"] = findings_json(report);
  json["unread"] = gaps_json(report.seen.gaps);
  json["websockets"] = report.seen.websockets
                           ? list_json(*report.seen.websockets, rows, websocket_series_json)
                           : Json(nullptr);
  json["activeWebsockets"] =
      report.seen.websockets ? Json(active_in(*report.seen.websockets)) : Json(nullptr);
  if (!report.seen.sockets) return json;
  const SeenSockets& sockets = *report.seen.sockets;
  json["tcpStates"] = states_json(sockets.states);
  json["udpSockets"] = sockets.udp;
  json["ports"] = ports_json(sockets);
  json["tupleCount"] = sockets.tuple_count;
  json["tuples"] = list_json(sockets.tuples, rows, [&](const SeenTuple& tuple) {
    return port_tuple_json(sockets, tuple);
  });
  json["watched"] = watched_json({&report, 1}, std::min(rows, kTopRows));
  json["leftOutSockets"] = left_out_json(sockets.left_out);
  json["processes"] = list_json(sockets.processes, rows, process_json);
  json["unreadableProcesses"] = report.seen.unreadable_processes;
  json["closeWait"] = list_json(sockets.close_waits, rows, close_wait_json);
  json["listeners"] = list_json(sockets.listeners, rows, listener_json);
  json["listenOverflows"] = optional_json(report.seen.limits.listen_overflows);
  json["listenDrops"] = optional_json(report.seen.limits.listen_drops);
  json["conntrack"] = conntrack_json(report.seen.conntrack);
  json["sysctls"] = Json::object();
  for (const SeenSysctl& one : report.seen.sysctls) json["sysctls"][one.name] = one.value;
  return json;
}

std::string report_json(const Report& report, const ReportContext& context) {
  Json json = to_json(report, std::numeric_limits<std::size_t>::max());
  json["time"] = unix_time(context.time);
  json["thresholds"] = thresholds_json(context.thresholds);
  json["features"] = features_json(context.features);
  return dump(json);
}

}  // namespace socket_exporter
