#pragma once

#include "collectors/families.h"

namespace socket_exporter {

/// Of each eBPF program that follows events; the collector `connects` lists it.
inline constexpr Metric kMissedEvents{
    Type::Counter, "socket_exporter_bpf_missed_events_total",
    "Events that an eBPF program did not count: one came during another, or a table was full.",
    "program"};

}  // namespace socket_exporter
