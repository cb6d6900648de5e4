#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "exporter/http/http_metrics.h"
#include "exporter/http/message.h"
#include "exporter/scrape/scraper.h"

namespace socket_exporter {

/// Answers /metrics. Any thread; add it to the router by std::ref.
class MetricsHandler {
 public:
  struct Options {
    unsigned max_requests = 40;  ///< at the same time; 0 is no limit
    /// Shown whatever the request selects; called from any thread, may be empty.
    std::function<std::vector<prometheus::MetricFamily>()> config_families{};
  };

  /// `http_metrics` is shown too, unless null.
  MetricsHandler(Scraper& scraper, Scraper::Selection enabled, Options options,
                 const HttpMetrics* http_metrics);

  HttpResponse operator()(const HttpRequest& request);

 private:
  HttpResponse answer(const HttpRequest& request);
  HttpResponse render(const Scrape& scrape, const HttpRequest& request) const;

  Scraper& scraper_;
  Scraper::Selection enabled_;
  Options options_;
  const HttpMetrics* http_metrics_;
  std::atomic<unsigned> running_{0};
};

/// The collectors that collect[] and exclude[] ask for, in the order of `enabled`; the
/// error is node_exporter's text.
Result<Scraper::Selection> select_collectors(const Scraper::Selection& enabled,
                                             std::span<const CollectorEntry* const> all,
                                             const HttpRequest& request);

/// How long a scrape may take by its X-Prometheus-Scrape-Timeout-Seconds header: half a
/// second less, so that the answer is back in time. No header and 0 are 10 seconds.
Result<std::chrono::milliseconds> scrape_budget(std::string_view header);

}  // namespace socket_exporter
