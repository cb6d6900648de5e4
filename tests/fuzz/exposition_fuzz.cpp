#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/exposition_parser.h"

using namespace socket_exporter;

namespace {

void check(ExpositionFormat format, const prometheus::MetricFamily& family) {
  std::string out;
  write_family(format, family, out);
  write_end(format, out);
  if (parse_exposition(format, out).size() != 1) std::abort();
}

}  // namespace

// Whatever a label value, HELP and number are, the strict parser reads what is written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  prometheus::ClientMetric metric;
  metric.label = {{"value", text}};
  std::memcpy(&metric.gauge.value, data, std::min(size, sizeof metric.gauge.value));
  const prometheus::MetricFamily family{"fuzz", text, prometheus::MetricType::Gauge, {metric}};
  check(ExpositionFormat::text, family);
  check(ExpositionFormat::openmetrics, family);
  return 0;
}
