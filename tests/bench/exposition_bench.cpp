#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "exporter/scrape/exposition.h"

namespace socket_exporter {
namespace {

using prometheus::MetricFamily;

constexpr double kLeastRatio = 4;

// 20,000 series as a busy host has them: sockets by destination and state.
std::vector<MetricFamily> busy_host() {
  std::vector<MetricFamily> families;
  for (int f = 0; f < 20; ++f) {
    MetricFamily family{fmt::format("socket_destination_sockets_{}", f),
                        "Sockets by destination and state.",
                        prometheus::MetricType::Gauge,
                        {}};
    for (int i = 0; i < 1000; ++i) {
      prometheus::ClientMetric metric;
      metric.label = {{"netns", "host"},
                      {"destination", fmt::format("10.{}.{}.{}", f, i / 250, i % 250)},
                      {"destination_port", "5432"},
                      {"peer_service", "orders-db"},
                      {"state", "time_wait"}};
      metric.gauge.value = i % 10 == 0 ? i / 7.0 : i * 13.0;
      family.metric.push_back(std::move(metric));
    }
    families.push_back(std::move(family));
  }
  return families;
}

std::size_t by_text_serializer(const std::vector<MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(families).size();
}

std::size_t by_us(const std::vector<MetricFamily>& families) {
  std::string out;
  for (const MetricFamily& family : families) write_family(ExpositionFormat::text, family, out);
  return out.size();
}

template <std::size_t (*Write)(const std::vector<MetricFamily>&)>
void bench(benchmark::State& state) {
  const auto families = busy_host();
  for (auto _ : state) benchmark::DoNotOptimize(Write(families));
}
BENCHMARK(bench<by_text_serializer>)->Name("TextSerializer/20000")->Unit(benchmark::kMillisecond);
BENCHMARK(bench<by_us>)->Name("write_family/20000")->Unit(benchmark::kMillisecond);

template <std::size_t (*Write)(const std::vector<MetricFamily>&)>
double milliseconds(const std::vector<MetricFamily>& families) {
  const auto start = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(Write(families));
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// Runs alternate, so whatever else the machine does meets both alike.
int check_ratio() {
  const auto families = busy_host();
  std::vector<double> theirs;
  std::vector<double> ours;
  for (int i = 0; i < 21; ++i) {
    theirs.push_back(milliseconds<by_text_serializer>(families));
    ours.push_back(milliseconds<by_us>(families));
  }
  const double ratio = median(theirs) / median(ours);
  fmt::print(
      "exposition of 20000 series: TextSerializer {:.1f} ms, ours {:.1f} ms, ratio {:.1f} (at "
      "least {})\n",
      median(theirs), median(ours), ratio, kLeastRatio);
  return ratio >= kLeastRatio ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace socket_exporter

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--check") return socket_exporter::check_ratio();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return EXIT_FAILURE;
  benchmark::RunSpecifiedBenchmarks();
  return socket_exporter::check_ratio();
}
