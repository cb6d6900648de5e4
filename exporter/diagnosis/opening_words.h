#pragma once

#include <chrono>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "exporter/diagnosis/observation.h"

namespace socket_exporter {

/// So many in the time that was watched: "246", or "0.5" where there are few.
std::string rate(const SeenWatch& watch, std::uint64_t count);

/// "12 ms", "1.5 s".
std::string time_text(std::chrono::duration<double> time);

/// "checkout (pid 42)", or with their parts "checkout (pid 42) 83 %, worker (pid 43) 17 %".
std::string openers_text(const SeenOpenings& openings);

/// Who opens connections to "it", how many, and how long they live; one sentence.
std::string opening_sentence(const SeenWatch& watch, const SeenOpenings& openings);

/// "246/s by checkout (pid 42); live 12 ms, 98 % under 1 s; 180/s fail (no_port)".
std::string opening_line(const SeenWatch& watch, const SeenOpenings& openings);

/// Reasons of failure from SX_FAILED_NO_PORT on, as in socket_connect_failures_total.
inline constexpr std::string_view kFailureNames[] = {"no_port",     "refused", "timeout", "reset",
                                                     "unreachable", "aborted", "other"};
static_assert(std::size(kFailureNames) == SX_FAILED_OTHER - SX_FAILED_NO_PORT + 1);

}  // namespace socket_exporter
