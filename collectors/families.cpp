#include "collectors/families.h"

#include <algorithm>
#include <limits>

namespace socket_exporter {

void Families::add_named(Type type, std::string_view name, std::string_view help, double number) {
  set(begin_family({type, name, help, {}}).metric.emplace_back(), type, number);
}

// Samples of one metric mostly come in a row, so the search starts at the end.
prometheus::MetricFamily& Families::family(const MetricInfo& info) {
  const auto it = std::find_if(families_.rbegin(), families_.rend(),
                               [&](const auto& family) { return family.name == info.name; });
  return it != families_.rend() ? *it : begin_family(info);
}

prometheus::MetricFamily& Families::begin_family(const MetricInfo& info) {
  return families_.emplace_back(
      prometheus::MetricFamily{std::string(info.name), std::string(info.help), info.type, {}});
}

void Families::set(prometheus::ClientMetric& sample, Type type, double number) {
  switch (type) {
    case Type::Counter:
      sample.counter.value = number;
      break;
    case Type::Untyped:
      sample.untyped.value = number;
      break;
    default:
      sample.gauge.value = number;
  }
}

void Families::set(prometheus::ClientMetric& sample, const Histogram& histogram) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  auto& to = sample.histogram;
  to.sample_sum = histogram.sum;
  to.bucket.reserve(histogram.counts.size());
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    to.sample_count += histogram.counts[i];
    const double bound = i < histogram.bounds.size() ? histogram.bounds[i] : kInfinity;
    to.bucket.push_back({to.sample_count, bound});
  }
}

}  // namespace socket_exporter
