#include "exporter/diagnosis/json.h"

#include <cmath>
#include <utility>

#include "collectors/kernel/process.h"

namespace socket_exporter {
namespace {

// Called as the labels of metrics.
void add_workload(Json& json, const Workload& workload) {
  const std::pair<const char*, const std::string&> values[] = {
      {"namespace", workload.pod_namespace},
      {"pod", workload.pod},
      {"container", workload.container},
      {"podUid", workload.pod_uid},
  };
  for (const auto& [key, value] : values) {
    if (!value.empty()) json[key] = value;
  }
}

// 70, but 72.5
Json number(double percent) {
  const double whole = std::round(percent);
  if (percent == whole) return static_cast<int>(whole);
  return percent;
}

}  // namespace

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json optional_json(const std::optional<std::uint64_t>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json states_json(const StateCounts& states) {
  Json json;
  for (std::size_t state = 1; state < kTcpStates; ++state) {
    json[std::string(kTcpStateNames[state])] = states[state];
  }
  return json;
}

void add_process(Json& json, const ProcessName& process) {
  if (process.comm.empty()) return;
  json["process"] = process.comm;
  if (process.is_known()) json["pid"] = process.pid;
  add_workload(json, process.workload);
}

Json netns_json(const NetNs& ns) {
  Json json;
  json["name"] = ns.name;
  json["inode"] = ns.inode;
  add_workload(json, ns.workload);
  return json;
}

void add_descriptors(Json& json, const SeenProcess& process) {
  json["openFds"] = process.open_fds;
  json["fdsLimit"] =
      optional_json(process.fds_limit == kUnlimited ? std::nullopt : process.fds_limit);
  json["fdsPercent"] = process.fds_percent();
}

void add_levels(Json& json, const Levels& levels) {
  json["warningThreshold"] = number(levels.warning);
  json["criticalThreshold"] = number(levels.critical);
}

Json left_out_json(const SeenLeftOut& left_out) {
  Json json;
  json["tuples"] = left_out.tuples;
  json["sources"] = left_out.sources;
  json["peers"] = left_out.peers;
  json["closeWait"] = left_out.close_waits;
  return json;
}

Json tuple_json(const SeenSockets& sockets, const SeenTuple& tuple) {
  Json json;
  json["source"] = to_string(tuple.key.source);
  json["destination"] = to_string(tuple.key.destination);
  json["destinationPort"] = tuple.key.destination_port;
  json["service"] = tuple.service;
  json["usedPorts"] = tuple.use.ports_used;
  json["usedPercent"] = sockets.used_percent(tuple.use);
  json["states"] = states_json(tuple.use.states);
  add_process(json, tuple.process);
  return json;
}

Json listener_json(const SeenListener& listener) {
  Json json;
  json["address"] = to_string(listener.address);
  json["port"] = listener.port;
  json["waiting"] = listener.waiting;
  json["limit"] = listener.limit == kQueueLimitUnknown ? Json(nullptr) : Json(listener.limit);
  json["usedPercent"] = listener.used_percent();
  add_process(json, listener.process);
  return json;
}

Json close_wait_json(const SeenCloseWait& leak) {
  Json json;
  json["closeWait"] = leak.close_wait;
  json["connections"] = leak.connections;
  json[leak.inbound ? "listener" : "peer"] = to_string(leak.peer, leak.peer_port);
  add_process(json, leak.process);
  return json;
}

}  // namespace socket_exporter
