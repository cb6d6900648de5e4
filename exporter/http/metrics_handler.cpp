#include "exporter/http/metrics_handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "exporter/http/gzip.h"
#include "exporter/http/negotiation.h"
#include "exporter/http/turn.h"
#include "exporter/scrape/exposition.h"

namespace socket_exporter {
namespace {

constexpr std::string_view kTimeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds";

bool contains(std::span<const CollectorEntry* const> entries, std::string_view name) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const CollectorEntry* entry) { return entry->name == name; });
}

Error not_created(std::string_view why, std::string_view collector) {
  return {Error::Kind::malformed,
          fmt::format("Couldn't create filtered metrics handler: couldn't create collector: "
                      "{} collector: {}",
                      why, collector)};
}

}  // namespace

Result<Scraper::Selection> select_collectors(const Scraper::Selection& enabled,
                                             std::span<const CollectorEntry* const> all,
                                             const HttpRequest& request) {
  const auto wanted = request.query_values("collect[]");
  const auto unwanted = request.query_values("exclude[]");
  if (!wanted.empty() && !unwanted.empty()) {
    return Error{Error::Kind::malformed, "Combined collect and exclude queries are not allowed."};
  }
  for (const std::string_view name : wanted) {
    if (!contains(all, name)) return not_created("missing", name);
    if (!contains(enabled, name)) return not_created("disabled", name);
  }
  Scraper::Selection selection;
  for (const CollectorEntry* entry : enabled) {
    const auto named_in = [&](const std::vector<std::string_view>& names) {
      return std::find(names.begin(), names.end(), entry->name) != names.end();
    };
    if ((wanted.empty() || named_in(wanted)) && !named_in(unwanted)) selection.push_back(entry);
  }
  return selection;
}

Result<std::chrono::milliseconds> scrape_budget(std::string_view header) {
  constexpr double kDefault = 10;
  constexpr double kMargin = 0.5;
  constexpr double kLongest = 300;  // no scrape needs more; it only holds up a thread
  double seconds = kDefault;
  if (!header.empty()) {
    const char* end = header.data() + header.size();
    const auto [stop, error] = std::from_chars(header.data(), end, seconds);
    if (error != std::errc{} || stop != end || !(seconds >= 0)) {
      return Error{
          Error::Kind::malformed,
          fmt::format("Failed to parse {}: '{}' is no number of seconds", kTimeoutHeader, header)};
    }
    if (seconds == 0) seconds = kDefault;
  }
  seconds = std::min(seconds, kLongest);
  const double budget = seconds > 2 * kMargin ? seconds - kMargin : seconds / 2;
  return std::chrono::milliseconds(static_cast<std::int64_t>(budget * 1000));
}

MetricsHandler::MetricsHandler(Scraper& scraper, Scraper::Selection enabled, Options options,
                               const HttpMetrics* http_metrics)
    : scraper_(scraper),
      enabled_(std::move(enabled)),
      options_(std::move(options)),
      http_metrics_(http_metrics) {}

HttpResponse MetricsHandler::operator()(const HttpRequest& request) {
  const Turn turn(running_);
  if (options_.max_requests != 0 && turn.number() > options_.max_requests) {
    return text_response(503,
                         fmt::format("Limit of concurrent requests reached ({}), try again later.",
                                     options_.max_requests));
  }
  return answer(request);
}

HttpResponse MetricsHandler::answer(const HttpRequest& request) {
  const auto selection = select_collectors(enabled_, all_collectors(), request);
  if (!selection) return text_response(400, selection.error().what);
  const auto budget = scrape_budget(request.header(kTimeoutHeader));
  if (!budget) return text_response(400, budget.error().what);

  const auto scrape = scraper_.scrape(*selection, std::chrono::steady_clock::now() + *budget);
  if (scrape == nullptr) {
    return text_response(503, fmt::format("The scrape did not end within {:.1f} s; raise "
                                          "scrape_timeout or look for a kernel call that hangs.",
                                          std::chrono::duration<double>(*budget).count()));
  }
  return render(*scrape, request);
}

HttpResponse MetricsHandler::render(const Scrape& scrape, const HttpRequest& request) const {
  const ExpositionFormat format = choose_format(request.header("Accept"));
  HttpResponse response{.status = 200,
                        .content_type = std::string(content_type(format)),
                        .body = {},
                        .headers = {{"Vary", "Accept"}}};
  const auto write = [&](const std::vector<prometheus::MetricFamily>& families) {
    for (const auto& family : families) write_family(format, family, response.body);
  };
  for (const Section& section : scrape) {
    if (!section.status) continue;
    write(section.families);
  }
  if (options_.config_families) write(options_.config_families());
  if (http_metrics_ != nullptr) write(http_metrics_->collect());
  write_end(format, response.body);
  compress(request, response);
  return response;
}

}  // namespace socket_exporter
