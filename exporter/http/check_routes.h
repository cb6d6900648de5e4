#pragma once

#include <functional>

#include "exporter/config/config_file.h"
#include "exporter/http/router.h"
#include "exporter/scrape/scraper.h"

namespace socket_exporter {

/// The thresholds in force; asked at each request, from any thread.
using ThresholdSource = std::function<CheckThresholds()>;

/// Adds /api/v1/checks, the catalogue, and /api/v1/checks/NAME, which runs one. A warning is an
/// answer like any other (200); 503 and 504 mean that nothing could be read. Parameters: netns, and
/// warningThreshold and criticalThreshold, which go before what is in force.
void add_check_routes(Router& router, Scraper& scraper, const ThresholdSource& thresholds);

}  // namespace socket_exporter
