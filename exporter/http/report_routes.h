#pragma once

#include "exporter/http/report_source.h"
#include "exporter/http/router.h"

namespace socket_exporter {

/// Adds /api/v1/report: the JSON of `report`. Parameter: netns, as --netns; of "all" the worst
/// hundred namespaces are there, with one row in each list. 503 and 504 mean that there is no
/// report, or that too many ask at once. `source` has to outlive the server.
void add_report_routes(Router& router, ReportSource& source);

}  // namespace socket_exporter
