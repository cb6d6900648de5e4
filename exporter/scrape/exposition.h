#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>

namespace socket_exporter {

enum class ExpositionFormat { text, openmetrics };

/// The Content-Type of that format, always with its version.
std::string_view content_type(ExpositionFormat format);

/// Appends HELP, TYPE and all samples of the family, without timestamps. Bytes that
/// are no UTF-8 become U+FFFD: one of them would make Prometheus refuse the whole scrape.
void write_family(ExpositionFormat format, const prometheus::MetricFamily& family,
                  std::string& out);

/// Appends what the format wants after the last family.
void write_end(ExpositionFormat format, std::string& out);

}  // namespace socket_exporter
