#include <nlohmann/json.hpp>

#include "collectors/kernel/process.h"
#include "exporter/diagnosis/check_output.h"
#include "exporter/diagnosis/json.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

Json consumers(const std::vector<SeenSource>& sources) {
  Json list = Json::array();
  for (const SeenSource& source : sources) {
    Json json;
    json["localAddr"] = proc_net_hex(source.address);
    json["count"] = source.sockets;
    json["address"] = to_string(source.address);
    if (source.destinations > 0) {
      json["destination"] = to_string(source.destination, source.destination_port);
    }
    json["destinationCount"] = source.destinations;
    add_process(json, source.process);
    list.push_back(std::move(json));
  }
  return list;
}

void add_system_ports(Json& json, const CheckRun& run) {
  const SeenSockets& sockets = *run.seen.sockets;
  const bool is_udp = run.result.protocol == Protocol::udp;
  const PortUse& ports = is_udp ? sockets.udp_ports : sockets.tcp_ports;
  json["portMin"] = sockets.port_min;
  json["portMax"] = sockets.port_max;
  json["totalPorts"] = sockets.total_ports();
  json["usedPorts"] = ports.used;
  json["usedPercent"] = run.result.used_percent;
  add_levels(json, run.levels);
  json["topConsumers"] = consumers(is_udp ? sockets.udp_sources : sockets.sources);
  json["protocol"] = to_string(run.result.protocol);
  json["reservedPorts"] = sockets.reserved;
  json["usablePorts"] = ports.usable;
  json["socketsInRange"] = is_udp ? sockets.udp_in_range : sockets.in_range;
  json["boundPorts"] = sockets.bound_ports();
  json["reusablePorts"] = sockets.reusable_ports();
  json["fullestTuple"] = nullptr;
  if (!sockets.tuples.empty()) json["fullestTuple"] = tuple_json(sockets, sockets.tuples.front());
  json["leftOutSockets"] = left_out_json(sockets.left_out);
}

void add_tcp_states(Json& json, const CheckRun& run) {
  json["states"] = states_json(run.seen.sockets->states);
  json["closeWait"] = Json::array();
  for (const SeenCloseWait& leak : run.seen.sockets->close_waits) {
    json["closeWait"].push_back(close_wait_json(leak));
  }
  json["leftOutSockets"] = left_out_json(run.seen.sockets->left_out);
  json["timeWaitLimit"] = optional_json(run.seen.limits.time_wait_limit);
  json["orphans"] = optional_json(run.seen.limits.orphans);
  json["orphansLimit"] = optional_json(run.seen.limits.orphans_limit);
}

void add_listen_queues(Json& json, const CheckRun& run) {
  json["listeners"] = Json::array();
  for (const SeenListener& listener : run.seen.sockets->listeners) {
    json["listeners"].push_back(listener_json(listener));
  }
  json["listenOverflows"] = optional_json(run.seen.limits.listen_overflows);
  json["listenDrops"] = optional_json(run.seen.limits.listen_drops);
}

void add_conntrack(Json& json, const CheckRun& run) {
  json["inUse"] = static_cast<bool>(run.seen.conntrack);
  if (!run.seen.conntrack) return;
  json["entries"] = run.seen.conntrack->entries;
  json["limit"] = run.seen.conntrack->limit;
  json["dropped"] = run.seen.conntrack->dropped;
}

void add_file_descriptors(Json& json, const CheckRun& run) {
  const SeenDescriptors& all = *run.seen.descriptors;
  json["hostOpen"] = all.open;
  json["hostLimit"] = all.limit;
  json["processes"] = Json::array();
  for (const SeenProcess& process : all.processes) {
    Json one;
    add_process(one, process.process);
    add_descriptors(one, process);
    if (!process.netns.empty()) one["netns"] = process.netns;
    json["processes"].push_back(std::move(one));
  }
  json["unreadableProcesses"] = all.unreadable;
}

/// What each check adds to the keys that all have.
struct Details {
  std::string_view check;
  void (*add)(Json& json, const CheckRun& run);
};
constexpr Details kDetails[] = {{"tcp-states", add_tcp_states},
                                {"listen-queues", add_listen_queues},
                                {"conntrack", add_conntrack},
                                {"file-descriptors", add_file_descriptors}};

void add_details(Json& json, const CheckRun& run) {
  if (run.check->name == "system-ports") {
    add_system_ports(json, run);
    return;
  }
  json["usedPercent"] = run.result.used_percent;
  add_levels(json, run.levels);
  for (const Details& details : kDetails) {
    if (details.check == run.check->name) details.add(json, run);
  }
}

Json run_json(const CheckRun& run) {
  Json json;
  json["check"] = run.check->name;
  json["status"] = to_string(run.result.status);
  json["score"] = nullptr;
  json["message"] = run.result.message;
  if (run.result.status == Status::unknown) {
    add_levels(json, run.levels);
    if (run.seen.descriptors) add_file_descriptors(json, run);
  } else {
    json["score"] = run.result.score();
    add_details(json, run);
  }
  if (run.seen.ns.inode != 0) json["netns"] = netns_json(run.seen.ns);
  return json;
}

}  // namespace

std::string check_json(const CheckRun& run) {
  return dump(run_json(run));
}

std::string checks_json(std::span<const CheckRun> runs) {
  Json json = run_json(runs.front());
  json["namespaces"] = Json::array();
  for (const CheckRun& run : runs) json["namespaces"].push_back(run_json(run));
  return dump(json);
}

std::string check_list_json(const CheckThresholds& chosen) {
  Json json;
  json["checks"] = Json::array();
  for (const CheckInfo& check : all_checks()) {
    Json one;
    one["name"] = check.name;
    one["title"] = check.title;
    one["summary"] = check.summary;
    add_levels(one, levels_of(check.defaults, thresholds_of(check.name, chosen)));
    one["path"] = check_path(check);
    json["checks"].push_back(std::move(one));
  }
  return dump(json);
}

}  // namespace socket_exporter
