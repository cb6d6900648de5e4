#pragma once

#include <nlohmann/json.hpp>

#include "exporter/http/router.h"
#include "exporter/scrape/scraper.h"
#include "tests/exporter/diagnosis/known_host.h"

namespace socket_exporter {

/// What routes need over a known host, as `serve` puts it together.
struct KnownServer {
  KnownHost host;
  CollectorOptions options{.netstat_fields = *FieldFilter::compile("")};
  Logger logger{LogLevel::error, LogFormat::logfmt};
  Scraper scraper{host, options, logger};
  CheckThresholds thresholds;
  Router router;
};

inline nlohmann::json body_of(const HttpResponse& response) {
  return nlohmann::json::parse(response.body);
}

}  // namespace socket_exporter
