#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "exporter/config/checks.h"
#include "exporter/diagnosis/inspection.h"

namespace socket_exporter {

/// Keys stay in the order in which they were added.
using Json = nlohmann::ordered_json;

/// Indented, with a newline at its end; never throws over a wrong byte.
std::string dump(const Json& json);

Json optional_json(const std::optional<std::uint64_t>& value);
/// Every state, also those without sockets.
Json states_json(const StateCounts& states);
/// By the table that was full.
Json left_out_json(const SeenLeftOut& left_out);
Json tuple_json(const SeenSockets& sockets, const SeenTuple& tuple);
Json listener_json(const SeenListener& listener);
Json close_wait_json(const SeenCloseWait& leak);
/// Name, inode, and the workload where there is one.
Json netns_json(const NetNs& ns);
/// Adds "process" and "pid", and the workload's keys, where they are known.
void add_process(Json& json, const ProcessName& process);
/// Adds "warningThreshold" and "criticalThreshold".
void add_levels(Json& json, const Levels& levels);
/// Adds "openFds", "fdsLimit" (null: none) and "fdsPercent".
void add_descriptors(Json& json, const SeenProcess& process);

}  // namespace socket_exporter
