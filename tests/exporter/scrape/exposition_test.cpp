#include "exporter/scrape/exposition.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/exposition_parser.h"

namespace socket_exporter {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr double kInf = std::numeric_limits<double>::infinity();

std::string write(ExpositionFormat format, const std::vector<MetricFamily>& families) {
  std::string out;
  for (const MetricFamily& family : families) write_family(format, family, out);
  write_end(format, out);
  return out;
}

MetricFamily gauge(double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return {"m", "", MetricType::Gauge, {metric}};
}

/// Families of every type with names, texts and numbers that try to hurt.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  MetricFamily family(std::size_t number) {
    constexpr MetricType kTypes[] = {MetricType::Counter, MetricType::Gauge, MetricType::Summary,
                                     MetricType::Untyped, MetricType::Histogram};
    MetricFamily family{"family_" + std::to_string(number), text(), kTypes[below(5)], {}};
    if (family.type == MetricType::Counter && below(2) == 0) family.name += "_total";
    const std::size_t metrics = below(4);
    for (std::size_t i = 0; i < metrics; ++i) family.metric.push_back(metric(i));
    return family;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  std::string text() {
    static const std::string kPieces[] = {"\\",
                                          "\n",
                                          "\"",
                                          "{",
                                          "}",
                                          ",",
                                          " ",
                                          "\t",
                                          "#",
                                          "a",
                                          "=",
                                          "\r",
                                          "\xC3\xA4",
                                          "\xE2\x82\xAC",
                                          "n",
                                          "\\n",
                                          "\xF0\x9F\x98\x80",
                                          "\x7F",
                                          "\x01"};
    std::string text;
    for (std::size_t i = below(8); i > 0; --i) text += kPieces[below(std::size(kPieces))];
    return text;
  }

  double number() {
    constexpr double kOdd[] = {0,
                               -0.0,
                               kInf,
                               -kInf,
                               std::numeric_limits<double>::quiet_NaN(),
                               std::numeric_limits<double>::denorm_min(),
                               std::numeric_limits<double>::min(),
                               std::numeric_limits<double>::max(),
                               std::numeric_limits<double>::lowest(),
                               9007199254740991.0,
                               9007199254740992.0,
                               9007199254740994.0,
                               1e15,
                               1e22,
                               0.1,
                               1.0 / 3};
    switch (below(4)) {
      case 0:
        return kOdd[below(std::size(kOdd))];
      case 1:
        return static_cast<double>(below(1'000'000));
      case 2:
        return -static_cast<double>(below(1'000'000'000)) / 1000;
      default:
        return std::bit_cast<double>(random_());
    }
  }

  ClientMetric metric(std::size_t series) {
    ClientMetric metric;
    metric.label.push_back({"series", std::to_string(series)});
    for (std::size_t i = below(4); i > 0; --i) {
      metric.label.push_back({"label_" + std::to_string(i), text()});
    }
    metric.counter.value = metric.gauge.value = metric.untyped.value = number();
    metric.summary = {random_(), number(), {}};
    for (std::size_t i = below(4); i > 0; --i) {
      metric.summary.quantile.push_back({1.0 / static_cast<double>(i + 1), number()});
    }
    histogram(metric.histogram);
    return metric;
  }

  void histogram(ClientMetric::Histogram& histogram) {
    double bound = -0.5;
    for (std::size_t i = below(5); i > 0; --i) {
      bound += static_cast<double>(below(5'000'000) + 1) / 1000;
      histogram.sample_count += below(1000);
      histogram.bucket.push_back({histogram.sample_count, bound});
    }
    if (below(2) == 0) histogram.bucket.push_back({histogram.sample_count, kInf});
    histogram.sample_sum = number();
  }

  std::mt19937_64 random_;
};

using Series = std::pair<std::string, std::vector<std::pair<std::string, std::string>>>;

// A bound is the number, not its spelling.
std::vector<std::pair<Series, double>> series_of(const ParsedFamily& family) {
  std::vector<std::pair<Series, double>> all;
  for (const ParsedSample& sample : family.samples) {
    auto labels = sample.labels;
    for (auto& [name, value] : labels) {
      if (name == "le" || name == "quantile")
        value = std::to_string(std::strtod(value.c_str(), nullptr));
    }
    all.push_back({{sample.name, labels}, sample.value});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return all;
}

// TextSerializer prints 16 digits, which is not always enough to read the same double again.
bool near(double ours, double theirs) {
  if (std::isnan(ours) || std::isnan(theirs)) return std::isnan(ours) && std::isnan(theirs);
  if (ours == theirs) return true;
  return std::abs(ours - theirs) <= std::abs(ours) * 1e-15 ||
         std::abs(ours - theirs) <= std::numeric_limits<double>::denorm_min() ||
         (std::isinf(theirs) && std::abs(ours) == std::numeric_limits<double>::max());
}

bool same_series(const ParsedFamily& ours, const ParsedFamily& theirs) {
  const auto a = series_of(ours);
  const auto b = series_of(theirs);
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && near(x.second, y.second);
  });
}

bool same_bits(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

TEST_CASE("the writer says what TextSerializer says, for thousands of families", "[exposition]") {
  Generator generator(20240501);
  std::vector<MetricFamily> families;
  for (std::size_t i = 0; i < 4000; ++i) families.push_back(generator.family(i));

  // The oracle leaves HELP as it is, so a newline in it would end the line.
  auto for_oracle = families;
  for (MetricFamily& family : for_oracle) family.help = family.help.empty() ? "" : "help";
  const std::string oracle_text = prometheus::TextSerializer().Serialize(for_oracle);
  const auto oracle = parse_exposition(ExpositionFormat::text, oracle_text);
  const auto text =
      parse_exposition(ExpositionFormat::text, write(ExpositionFormat::text, families));
  const auto openmetrics = parse_exposition(ExpositionFormat::openmetrics,
                                            write(ExpositionFormat::openmetrics, families));

  REQUIRE(oracle.size() == families.size());
  REQUIRE(text.size() == families.size());
  REQUIRE(openmetrics.size() == families.size());
  for (std::size_t i = 0; i < families.size(); ++i) {
    INFO(write(ExpositionFormat::text, {families[i]}));
    REQUIRE(text[i].name == oracle[i].name);
    REQUIRE(text[i].type == oracle[i].type);
    REQUIRE(text[i].help == families[i].help);
    REQUIRE(openmetrics[i].help == families[i].help);
    REQUIRE(same_series(text[i], oracle[i]));
    REQUIRE(same_series(openmetrics[i], oracle[i]));
  }
}

TEST_CASE("a number is read back bit by bit", "[exposition]") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const double value =
        i % 2 == 0 ? std::bit_cast<double>(random())
                   : static_cast<double>(static_cast<std::int64_t>(random())) / (i % 7 + 1);
    const auto families =
        parse_exposition(ExpositionFormat::text, write(ExpositionFormat::text, {gauge(value)}));
    REQUIRE(same_bits(families.at(0).samples.at(0).value, value));
  }
}

TEST_CASE("numbers look as Prometheus users know them", "[exposition]") {
  const auto [value, text] = GENERATE(table<double, std::string>({
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {-17, "-17"},
      {1e6, "1000000"},
      {9007199254740992.0, "9007199254740992"},
      {0.1, "0.1"},
      {1e-7, "1e-07"},
      {1e300, "1e+300"},
      {kInf, "+Inf"},
      {-kInf, "-Inf"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"},
      {-std::numeric_limits<double>::quiet_NaN(), "NaN"},
  }));
  CHECK(write(ExpositionFormat::text, {gauge(value)}) == "# TYPE m gauge\nm " + text + "\n");
}

TEST_CASE("HELP and label values are escaped as each format wants", "[exposition]") {
  MetricFamily family = gauge(1, {{"path", "C:\\\"x\"\n"}, {"empty", ""}});
  family.help = "a \"quoted\" \\ and\nbroken";
  const std::string labels = "m{path=\"C:\\\\\\\"x\\\"\\n\",empty=\"\"} 1\n";

  CHECK(write(ExpositionFormat::text, {family}) ==
        "# HELP m a \"quoted\" \\\\ and\\nbroken\n# TYPE m gauge\n" + labels);
  CHECK(write(ExpositionFormat::openmetrics, {family}) ==
        "# HELP m a \\\"quoted\\\" \\\\ and\\nbroken\n# TYPE m gauge\n" + labels + "# EOF\n");
}

TEST_CASE("bytes that are no UTF-8 are replaced, all others stay", "[exposition]") {
  const std::string bad = "\xEF\xBF\xBD";
  const auto [value, shown] = GENERATE_COPY(table<std::string, std::string>({
      {"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"\xFFx", bad + "x"},
      {"x\xC3", "x" + bad},                         // cut off
      {"\xC0\xAF", bad + bad},                      // overlong
      {"\xE0\x80\xAF", bad + bad + bad},            // overlong
      {"\xED\xA0\x80", bad + bad + bad},            // surrogate
      {"\xF4\x90\x80\x80", bad + bad + bad + bad},  // above U+10FFFF
      {"\xE2\x82x", bad + bad + "x"},               // cut off inside
      {std::string("a\0b", 3), "a" + bad + "b"},
  }));
  CHECK(write(ExpositionFormat::text, {gauge(1, {{"comm", value}})}) ==
        "# TYPE m gauge\nm{comm=\"" + shown + "\"} 1\n");
}

TEST_CASE("OpenMetrics names counters without _total and samples with it", "[exposition]") {
  ClientMetric metric;
  metric.counter.value = 3;

  CHECK(write(ExpositionFormat::openmetrics, {{"x_total", "Xs.", MetricType::Counter, {metric}}}) ==
        "# HELP x Xs.\n# TYPE x counter\nx_total 3\n# EOF\n");
  CHECK(write(ExpositionFormat::openmetrics, {{"x", "Xs.", MetricType::Counter, {metric}}}) ==
        "# HELP x Xs.\n# TYPE x unknown\nx 3\n# EOF\n");
  CHECK(write(ExpositionFormat::openmetrics, {{"x", "Xs.", MetricType::Untyped, {metric}}}) ==
        "# HELP x Xs.\n# TYPE x unknown\nx 0\n# EOF\n");
}

TEST_CASE("bounds are written as Go clients do, with a point in OpenMetrics", "[exposition]") {
  ClientMetric metric;
  metric.label = {{"a", "b"}};
  metric.histogram = {4, 2.5, {{1, 1e-5}, {2, 0.25}, {3, 1}, {4, 1e6}}};
  const MetricFamily family{"h", "", MetricType::Histogram, {metric}};

  CHECK(write(ExpositionFormat::text, {family}) ==
        "# TYPE h histogram\n"
        "h_bucket{a=\"b\",le=\"1e-05\"} 1\n"
        "h_bucket{a=\"b\",le=\"0.25\"} 2\n"
        "h_bucket{a=\"b\",le=\"1\"} 3\n"
        "h_bucket{a=\"b\",le=\"1e+06\"} 4\n"
        "h_bucket{a=\"b\",le=\"+Inf\"} 4\n"
        "h_sum{a=\"b\"} 2.5\n"
        "h_count{a=\"b\"} 4\n");
  CHECK(write(ExpositionFormat::openmetrics, {family}).find("le=\"1.0\"} 3\n") !=
        std::string::npos);
}

TEST_CASE("the parser used by the tests refuses what the formats forbid", "[exposition]") {
  const auto [format, text] = GENERATE(table<ExpositionFormat, std::string>({
      {ExpositionFormat::text, "m 1\n"},
      {ExpositionFormat::text, "# TYPE m gauge\nm 1"},
      {ExpositionFormat::text, "# TYPE m gauge\nm one\n"},
      {ExpositionFormat::text, "# TYPE m gauge\nm 1 2\n"},
      {ExpositionFormat::text, "# TYPE m gauge\nm 1\nm 2\n"},
      {ExpositionFormat::text, "# TYPE m gauge\nm{a=\"1\",a=\"2\"} 1\n"},
      {ExpositionFormat::text, "# TYPE m gauge\nm{a=\"\\x\"} 1\n"},
      {ExpositionFormat::text, "# TYPE m gauge\nm{a=\"} 1\n"},
      {ExpositionFormat::text, "# TYPE m unknown\nm 1\n"},
      {ExpositionFormat::text, "# TYPE m gauge\nm 1\n# TYPE n gauge\nn 1\n# TYPE m gauge\n"},
      {ExpositionFormat::text, "# TYPE m gauge\n# HELP m late\n"},
      {ExpositionFormat::text, "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_count 1\n"},
      {ExpositionFormat::openmetrics, "# TYPE m gauge\nm 1\n"},
      {ExpositionFormat::openmetrics, "# TYPE m counter\nm 1\n# EOF\n"},
      {ExpositionFormat::openmetrics, "# TYPE m untyped\nm 1\n# EOF\n"},
      {ExpositionFormat::openmetrics, "# TYPE m gauge\nm Nan\n# EOF\n"},
      {ExpositionFormat::openmetrics, "# EOF\n# TYPE m gauge\nm 1\n"},
  }));
  INFO(text);
  CHECK_THROWS_AS(parse_exposition(format, text), std::runtime_error);
}

TEST_CASE("every content type names its version", "[exposition]") {
  CHECK(content_type(ExpositionFormat::text) == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(content_type(ExpositionFormat::openmetrics) ==
        "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

}  // namespace socket_exporter
