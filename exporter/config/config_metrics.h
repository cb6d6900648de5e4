#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <vector>

#include "collectors/families.h"
#include "exporter/config/live_config.h"
#include "exporter/config/service_resolver.h"

namespace socket_exporter {

/// The metrics about socket_exporter.yml, for the reference.
std::span<const MetricInfo> config_metrics();

/// Their values now. Any thread.
std::vector<prometheus::MetricFamily> config_families(const LiveConfig& config,
                                                      const ServiceResolver& resolver);

}  // namespace socket_exporter
