#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "exporter/diagnosis/json.h"
#include "exporter/diagnosis/report.h"

namespace socket_exporter {

/// Rows that the lists of a summary have.
inline constexpr std::size_t kTopRows = 10;

/// One report, with at most `rows` in each list.
Json to_json(const Report& report, std::size_t rows);

Json port_tuple_json(const SeenSockets& sockets, const SeenTuple& tuple);
Json process_json(const SeenProcess& process);
/// Sums over all destinations, and so many of them: those with most attempts, but up to half of
/// the rows are for those that fail most. Null where nobody watched.
Json watched_json(std::span<const Report> reports, std::size_t rows);
/// Reasons and errors that there were, only.
Json websocket_series_json(const WebsocketSeries& series);
/// Connections that are open.
std::int64_t active_in(const std::vector<WebsocketSeries>& all);
Json features_json(const std::vector<Feature>& features);
/// What each check goes by.
Json thresholds_json(const CheckThresholds& chosen);
/// Seconds since 1970, to the millisecond.
double unix_time(std::chrono::system_clock::time_point time);

}  // namespace socket_exporter
