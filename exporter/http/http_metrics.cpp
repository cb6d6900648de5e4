#include "exporter/http/http_metrics.h"

#include <string>

namespace socket_exporter {

HttpMetrics::HttpMetrics()
    : requests_(prometheus::BuildCounter()
                    .Name(std::string(kHttpRequestsTotal.name))
                    .Help(std::string(kHttpRequestsTotal.help))
                    .Register(registry_)) {}

void HttpMetrics::count(int status, std::string_view path) {
  requests_
      .Add({{std::string(kHttpRequestsTotal.labels[0]), std::to_string(status)},
            {std::string(kHttpRequestsTotal.labels[1]), std::string(path)}})
      .Increment();
}

}  // namespace socket_exporter
