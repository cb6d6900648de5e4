#pragma once

#include <prometheus/metric_family.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace socket_exporter {

using Type = prometheus::MetricType;

/// A metric without its label count: what the reference, the docs and tests list.
struct MetricInfo {
  Type type;
  std::string_view name;
  std::string_view help;
  std::span<const std::string_view> labels;
};

/// One metric, declared once as a constant beside the collector that emits it.
template <std::size_t N>
struct Metric {
  Type type;
  std::string_view name;
  std::string_view help;
  std::array<std::string_view, N> labels;

  template <typename... L>
  constexpr Metric(Type t, std::string_view n, std::string_view h, L... l)
      : type(t), name(n), help(h), labels{l...} {}
  constexpr operator MetricInfo() const { return {type, name, help, labels}; }
};
template <typename... L>
Metric(Type, std::string_view, std::string_view, L...) -> Metric<sizeof...(L)>;

/// Values counted by size: `counts` has one entry more than `bounds`, for what is larger.
struct Histogram {
  std::vector<double> bounds;  ///< ascending, each part of its bucket
  std::vector<std::uint64_t> counts;
  double sum = 0;
};

/// Collects samples into families, in order of first use.
class Families {
 public:
  /// One sample; `values` are the label values in the order of the declaration.
  template <std::size_t N, typename Number, std::convertible_to<std::string_view>... V>
  requires(std::is_arithmetic_v<Number> &&
           sizeof...(V) == N) void add(const Metric<N>& metric, Number number, const V&... values) {
    set(begin_sample(metric, values...), metric.type, static_cast<double>(number));
  }

  template <std::size_t N, std::convertible_to<std::string_view>... V>
  requires(sizeof...(V) == N) void add(const Metric<N>& metric, const Histogram& histogram,
                                       const V&... values) {
    set(begin_sample(metric, values...), histogram);
  }

  /// The only sample of a metric that the kernel names, such as node_netstat_<Proto>_<Field>.
  void add_named(Type type, std::string_view name, std::string_view help, double number);

  std::vector<prometheus::MetricFamily> take() && { return std::move(families_); }

 private:
  template <std::size_t N, typename... V>
  prometheus::ClientMetric& begin_sample(const Metric<N>& metric, const V&... values) {
    auto& sample = family(metric).metric.emplace_back();
    sample.label.reserve(N);
    std::size_t i = 0;
    (sample.label.push_back(
         {std::string(metric.labels[i++]), std::string(std::string_view(values))}),
     ...);
    return sample;
  }

  prometheus::MetricFamily& family(const MetricInfo& info);
  prometheus::MetricFamily& begin_family(const MetricInfo& info);
  static void set(prometheus::ClientMetric& sample, Type type, double number);
  static void set(prometheus::ClientMetric& sample, const Histogram& histogram);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace socket_exporter
