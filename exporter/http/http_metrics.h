#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

#include <string_view>
#include <vector>

#include "collectors/collector.h"

namespace socket_exporter {

inline constexpr Metric kHttpRequestsTotal{
    Type::Counter, "socket_exporter_http_requests_total",
    "HTTP requests answered, by status code and route; unknown paths are `other`.", "code", "path"};

/// Counts the answers of the HTTP server. Any thread.
class HttpMetrics {
 public:
  HttpMetrics();

  /// `path` has to be one of a bounded set: Router::route_of.
  void count(int status, std::string_view path);

  std::vector<prometheus::MetricFamily> collect() const { return registry_.Collect(); }

 private:
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_;
};

}  // namespace socket_exporter
