#include "exporter/http/metrics_handler.h"

#include <catch2/catch.hpp>
#include <future>

#include "tests/exposition_parser.h"
#include "tests/fake_kernel.h"

namespace socket_exporter {
namespace {

using Catch::Matchers::Contains;
using namespace std::chrono_literals;

const Logger kLogger(LogLevel::error, LogFormat::logfmt);

constexpr Metric kAnswer{Type::Gauge, "test_answer", "The answer."};
constexpr MetricInfo kMetrics[] = {kAnswer};

class Good final : public Collector {
  Result<> emit(Snapshot& /*snapshot*/, Families& out) override {
    out.add(kAnswer, 42);
    return {};
  }
};

class Bad final : public Collector {
  Result<> emit(Snapshot& /*snapshot*/, Families& out) override {
    out.add(kAnswer, 1);
    return Error{Error::Kind::io, "broken on purpose"};
  }
};

template <typename T>
CollectorEntry entry(std::string_view name) {
  return {.name = name,
          .summary = "test",
          .on_by_default = true,
          .needs_sockets = true,
          .metrics = kMetrics,
          .make = [] { return std::unique_ptr<Collector>(new T); }};
}

const CollectorEntry kGood = entry<Good>("good");
const CollectorEntry kAlso = entry<Good>("also");
const CollectorEntry kBad = entry<Bad>("bad");
const CollectorEntry* const kAll[] = {&kGood, &kAlso, &kBad};

struct Fixture {
  Gate gate;
  FakeKernel kernel;
  CollectorOptions options{.netstat_fields = *FieldFilter::compile(".*")};
  Scraper scraper{kernel, options, kLogger};
  HttpMetrics http_metrics;

  HttpResponse get(MetricsHandler::Options handler_options, const HttpRequest& request,
                   Scraper::Selection enabled = {&kGood, &kBad}) {
    return MetricsHandler(scraper, std::move(enabled), handler_options, &http_metrics)(request);
  }
};

HttpRequest request(std::string_view query,
                    std::vector<std::pair<std::string, std::string>> headers = {}) {
  auto parsed = parse_request("GET", "/metrics", query);
  REQUIRE(parsed);
  parsed->headers = std::move(headers);
  return *parsed;
}

bool has_family(const HttpResponse& response, std::string_view name) {
  const auto families = parse_exposition(ExpositionFormat::text, response.body);
  return std::any_of(families.begin(), families.end(),
                     [&](const ParsedFamily& family) { return family.name == name; });
}

std::string selected(const Scraper::Selection& enabled, std::string_view query) {
  const auto selection = select_collectors(enabled, kAll, request(query));
  if (!selection) return selection.error().what;
  std::string names;
  for (const CollectorEntry* collector : *selection) names += std::string(collector->name) + " ";
  return names;
}

}  // namespace

TEST_CASE("collect[] and exclude[] choose collectors by node_exporter's rules",
          "[metrics_handler]") {
  const std::string refused =
      "Couldn't create filtered metrics handler: couldn't create collector: ";
  const auto [query, expected] = GENERATE_COPY(table<std::string, std::string>({
      {"", "good also "},
      {"collect[]=also", "also "},
      {"collect[]=also&collect[]=good&collect[]=also", "good also "},
      {"exclude[]=good", "also "},
      {"exclude[]=no_such", "good also "},
      {"exclude[]=good&exclude[]=also", ""},
      {"collect=also&name[]=x", "good also "},
      {"collect[]=no_such", refused + "missing collector: no_such"},
      {"collect[]=", refused + "missing collector: "},
      {"collect[]=good&collect[]=bad", refused + "disabled collector: bad"},
      {"collect[]=good&exclude[]=also", "Combined collect and exclude queries are not allowed."},
  }));
  INFO(query);
  CHECK(selected({&kGood, &kAlso}, query) == expected);
}

TEST_CASE("the scrape ends half a second before Prometheus gives up", "[metrics_handler]") {
  const auto [header, milliseconds] = GENERATE(table<std::string, int>({
      {"", 9500},
      {"10", 9500},
      {"2.5", 2000},
      {"0", 9500},
      {"1", 500},
      {"0.4", 200},
      {"1e9", 299'500},
  }));
  INFO(header);
  const auto budget = scrape_budget(header);
  REQUIRE(budget);
  CHECK(budget->count() == milliseconds);
}

TEST_CASE("a timeout that is no number of seconds is refused", "[metrics_handler]") {
  const std::string header = GENERATE("ten", "-1", "10s", " 10", "1e999", "nan", "0x10", "+5");
  INFO(header);
  CHECK_FALSE(scrape_budget(header));
  Fixture fixture;
  CHECK(fixture.get({}, request("", {{"x-prometheus-scrape-timeout-seconds", header}})).status ==
        400);
}

TEST_CASE("a failed collector loses its own section only", "[metrics_handler]") {
  Fixture fixture;
  const HttpResponse response = fixture.get({}, request(""));

  CHECK(response.status == 200);
  CHECK(response.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK_THAT(response.body, Contains("test_answer 42\n"));
  CHECK_THAT(response.body, !Contains("test_answer 1\n"));
  CHECK_THAT(response.body, Contains("socket_exporter_collector_success{collector=\"bad\"} 0\n"));
}

TEST_CASE("wrong filters are answered with 400 and the reason", "[metrics_handler]") {
  Fixture fixture;
  const HttpResponse response = fixture.get({}, request("collect[]=no_such"));
  CHECK(response.status == 400);
  CHECK(response.body ==
        "Couldn't create filtered metrics handler: couldn't create collector: "
        "missing collector: no_such\n");
}

TEST_CASE("metrics about the exporter's process and HTTP can be left out", "[metrics_handler]") {
  Fixture fixture;
  fixture.http_metrics.count(200, "/metrics");
  const HttpResponse with = fixture.get({}, request(""));
  CHECK(has_family(with, kHttpRequestsTotal.name));
  CHECK_THAT(with.body,
             Contains("socket_exporter_http_requests_total{code=\"200\",path=\"/metrics\"} 1\n"));

  Fixture bare;
  bare.options.process_metrics = false;
  const HttpResponse without = MetricsHandler(bare.scraper, {&kGood}, {}, nullptr)(request(""));
  CHECK_FALSE(has_family(without, kHttpRequestsTotal.name));
  CHECK_THAT(without.body, !Contains("\nprocess_"));
  CHECK_THAT(without.body, Contains("test_answer 42\n"));
}

TEST_CASE("the body is OpenMetrics and gzip for those who want it", "[metrics_handler]") {
  Fixture fixture;
  const HttpResponse response =
      fixture.get({}, request("", {{"Accept", "application/openmetrics-text;version=1.0.0"},
                                   {"accept-encoding", "gzip"}}));

  CHECK(response.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8");
  const std::pair<std::string, std::string> vary("Vary", "Accept, Accept-Encoding");
  const std::pair<std::string, std::string> encoding("Content-Encoding", "gzip");
  CHECK(response.headers == std::vector{vary, encoding});
  CHECK(response.body.substr(0, 2) == "\x1F\x8B");

  const HttpResponse plain =
      fixture.get({}, request("", {{"Accept", "application/openmetrics-text"}}));
  CHECK(plain.headers == std::vector{vary});
  CHECK_NOTHROW(parse_exposition(ExpositionFormat::openmetrics, plain.body));
}

TEST_CASE("too many scrapes at the same time, and scrapes that hang, are 503",
          "[metrics_handler]") {
  Fixture fixture;
  MetricsHandler handler(fixture.scraper, {&kGood}, {.max_requests = 1}, nullptr);
  fixture.kernel.gate = &fixture.gate;
  auto first = std::async(std::launch::async, [&] {
    return handler(request("", {{"X-Prometheus-Scrape-Timeout-Seconds", "0.2"}}));
  });
  REQUIRE(fixture.gate.wait_for_scan());

  const HttpResponse second = handler(request(""));
  CHECK(second.status == 503);
  CHECK(second.body == "Limit of concurrent requests reached (1), try again later.\n");

  const HttpResponse hung = first.get();
  CHECK(hung.status == 503);
  CHECK_THAT(hung.body, Contains("did not end within 0.1 s"));

  fixture.gate.open();
  CHECK(handler(request("")).status == 200);
}

}  // namespace socket_exporter
