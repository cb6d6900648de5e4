#include "exporter/config/config_metrics.h"

namespace socket_exporter {
namespace {

constexpr Metric kSuccessful{Type::Gauge, "socket_exporter_config_last_reload_successful",
                             "Whether the last read of the configuration file succeeded."};
constexpr Metric kSuccessTime{Type::Gauge,
                              "socket_exporter_config_last_reload_success_timestamp_seconds",
                              "When the configuration in force was read."};
constexpr Metric kFailures{Type::Counter, "socket_exporter_service_resolve_failures_total",
                           "Look-ups of the services' host names that failed."};
constexpr MetricInfo kMetrics[] = {kSuccessful, kSuccessTime, kFailures};

}  // namespace

std::span<const MetricInfo> config_metrics() {
  return kMetrics;
}

std::vector<prometheus::MetricFamily> config_families(const LiveConfig& config,
                                                      const ServiceResolver& resolver) {
  const auto last = config.last_reload();
  Families out;
  out.add(kSuccessful, last.successful ? 1 : 0);
  out.add(kSuccessTime,
          std::chrono::duration<double>(last.success_time.time_since_epoch()).count());
  out.add(kFailures, resolver.failures());
  return std::move(out).take();
}

}  // namespace socket_exporter
