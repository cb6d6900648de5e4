#include <nlohmann/json.hpp>

#include "exporter/diagnosis/json.h"
#include "exporter/diagnosis/report.h"

namespace socket_exporter {
namespace {

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
