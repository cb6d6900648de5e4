#include <algorithm>
#include <nlohmann/json.hpp>

#include "exporter/diagnosis/json.h"
#include "exporter/diagnosis/opening_words.h"
#include "exporter/diagnosis/report.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kOpenings = 10;

Json findings_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    Json json;
    json["cause"] = to_string(finding.cause);
    json["status"] = to_string(finding.status);
    json["headline"] = finding.headline;
    json["explanation"] = finding.explanation;
    json["steps"] = finding.steps;
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

Json processes_json(const std::vector<SeenProcess>& processes) {
  Json list = Json::array();
  for (const SeenProcess& process : processes) {
    Json json;
    add_process(json, process.process);
    json["sockets"] = process.sockets();
    json["tcp"] = states_json(process.tcp);
    json["udp"] = process.udp;
    add_descriptors(json, process);
    list.push_back(std::move(json));
  }
  return list;
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
Json list_json(const List& all, const ToJson& convert) {
  Json list = Json::array();
  for (const auto& one : all) list.push_back(convert(one));
  return list;
}

Json opener_json(const SeenWatch& watch, const SeenOpenings& openings, const SeenOpener& opener) {
  Json json;
  add_process(json, opener.process);
  json["share"] = static_cast<double>(opener.counts.attempts()) /
                  static_cast<double>(openings.counts.attempts());
  json["opensPerSecond"] = watch.per_second(opener.counts.opened());
  return json;
}

Json openings_json(const SeenWatch& watch, const SeenOpenings& openings) {
  const OpenCounts& counts = openings.counts;
  Json json;
  json["destination"] = to_string(openings.destination.address);
  json["destinationPort"] = openings.destination.port;
  json["service"] = openings.service;
  json["opensPerSecond"] = watch.per_second(counts.opened());
  json["failuresPerSecond"] = Json::object();
  for (std::size_t i = 0; i < std::size(kFailureNames); ++i) {
    json["failuresPerSecond"][std::string(kFailureNames[i])] =
        watch.per_second(counts.counters[SX_FAILED_NO_PORT + i]);
  }
  json["timeWaitPerSecond"] = watch.per_second(counts.counters[SX_TIME_WAIT]);
  json["lifetimeSeconds"] = openings.lifetime ? Json(openings.lifetime->count()) : Json(nullptr);
  json["shortLivedPercent"] =
      counts.closed() > 0 ? Json(whole_percent(counts.counters[SX_SHORT_LIVED], counts.closed()))
                          : Json(nullptr);
  json["openers"] = list_json(openings.openers, [&](const SeenOpener& opener) {
    return opener_json(watch, openings, opener);
  });
  return json;
}

Json watch_json(const std::optional<SeenWatch>& watch) {
  if (!watch) return nullptr;
  Json json;
  json["seconds"] = watch->time.count();
  const auto shown = std::min(watch->openings.size(), kOpenings);
  json["destinations"] =
      list_json(std::span(watch->openings).first(shown),
                [&](const SeenOpenings& openings) { return openings_json(*watch, openings); });
  return json;
}

Json gaps_json(const SeenGaps& gaps) {
  if (gaps.parts.empty()) return nullptr;
  Json json;
  json["parts"] = gaps.parts;
  json["reason"] = gaps.why;
  return json;
}

Json to_json(const Report& report) {
  Json json;
  json["status"] = to_string(report.status);
  json["headline"] = report.headline;
  json["netns"] = netns_json(report.seen.ns);
  json["findings"] = findings_json(report.findings);
  json["unread"] = gaps_json(report.seen.gaps);
  if (!report.seen.sockets) return json;
  const SeenSockets& sockets = *report.seen.sockets;
  json["ports"] = ports_json(sockets);
  json["tuples"] =
      list_json(sockets.tuples, [&](const SeenTuple& tuple) { return tuple_json(sockets, tuple); });
  json["watched"] = watch_json(report.seen.watch);
  json["leftOutSockets"] = left_out_json(sockets.left_out);
  json["processes"] = processes_json(sockets.processes);
  json["unreadableProcesses"] = report.seen.unreadable_processes;
  json["closeWait"] = list_json(sockets.close_waits, close_wait_json);
  json["listeners"] = list_json(sockets.listeners, listener_json);
  json["listenOverflows"] = optional_json(report.seen.limits.listen_overflows);
  json["listenDrops"] = optional_json(report.seen.limits.listen_drops);
  json["conntrack"] = conntrack_json(report.seen.conntrack);
  json["sysctls"] = Json::object();
  for (const SeenSysctl& one : report.seen.sysctls) json["sysctls"][one.name] = one.value;
  return json;
}

}  // namespace

std::string report_json(const Report& report) {
  return dump(to_json(report));
}

std::string reports_json(std::span<const Report> reports) {
  Json json;
  json["status"] = to_string(reports.front().status);
  json["headline"] = reports.front().headline;
  json["netns"] = netns_json(reports.front().seen.ns);
  json["reports"] = list_json(reports, to_json);
  return dump(json);
}

}  // namespace socket_exporter
