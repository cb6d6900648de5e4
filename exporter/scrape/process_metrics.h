#pragma once

#include <span>

#include "collectors/families.h"
#include "collectors/kernel/kernel.h"
#include "collectors/snapshot.h"

namespace socket_exporter {

/// The exporter's own process, in the names and units of Prometheus client libraries.
/// Gather thread only. On error nothing is added.
Result<> add_process_metrics(Snapshot& snapshot, Kernel& kernel, Families& out);

/// The metrics that add_process_metrics() writes, for the reference.
std::span<const MetricInfo> process_metrics();

}  // namespace socket_exporter
