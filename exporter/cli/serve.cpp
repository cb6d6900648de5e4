#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "collectors/kernel/linux_kernel.h"
#include "exporter/cli/cli.h"
#include "exporter/config/config_metrics.h"
#include "exporter/config/live_config.h"
#include "exporter/config/service_resolver.h"
#include "exporter/http/check_routes.h"
#include "exporter/http/lifecycle.h"
#include "exporter/http/metrics_handler.h"
#include "exporter/http/report_routes.h"
#include "exporter/http/server.h"
#include "exporter/http/web_routes.h"
#include "exporter/version.h"

namespace socket_exporter {
namespace {

constexpr std::chrono::seconds kResolveInterval{60};

// Threads for status page, health and refusals beside those of full scrapes.
constexpr unsigned kSpareThreads = 24;

// The signals that run_serve waits for. Blocked before there are threads, which inherit that,
// so that none is ever handled elsewhere.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set_, number);
    const int error = ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    if (error != 0) throw std::system_error(error, std::generic_category(), "pthread_sigmask");
    // A client that goes away is an error of its write, not the end of the program.
    ::signal(SIGPIPE, SIG_IGN);
  }

  int wait() const {
    int number = 0;
    const int error = ::sigwait(&set_, &number);
    if (error != 0) throw std::system_error(error, std::generic_category(), "sigwait");
    return number;
  }

 private:
  sigset_t set_{};
};

void add_status_page(Router& router, const WebOptions& web) {
  constexpr std::string_view kReference = "/reference";
  router.add("GET", std::string(kReference),
             [text = metrics_reference(OutputFormat::text)](const HttpRequest&) {
               return text_response(200, text);
             });
  std::vector<PageLink> links{{web.telemetry_path, "Metrics"},
                              {std::string(kReference), "Metric reference"},
                              {"/api/v1/report?netns=all", "This page as JSON"},
                              {"/api/v1/checks", "All checks"}};
  for (const CheckInfo& check : all_checks()) links.push_back({check_path(check), check.name});
  links.push_back({"/-/healthy", "Health"});
  links.push_back({"/-/ready", "Readiness"});
  add_web_routes(router, kVersion, links);
}

using Features = std::vector<Feature>;

bool has(const Features& features, std::string_view name) {
  return std::any_of(features.begin(), features.end(),
                     [&](const Feature& feature) { return feature.name == name && feature.on; });
}

std::string_view tier_of(const Features& features) {
  if (has(features, "socket_walk")) return "1: eBPF, all network namespaces in one pass";
  if (has(features, "tcp_diag")) return "0: inet_diag, one network namespace after another";
  return "0: /proc/net, one network namespace after another";
}

bool is_enabled(const Options& options, std::string_view collector) {
  return std::any_of(options.collectors.begin(), options.collectors.end(),
                     [&](const CollectorEntry* entry) { return entry->name == collector; });
}

WebsocketSettings settings_of(const WebsocketConfig& config) {
  return {ports_of(config), config.limits};
}

Followed followed_by(const Options& options, const WebsocketConfig& websocket) {
  Followed followed{.connects = is_enabled(options, "connects"),
                    .responses = options.times_responses,
                    .binds = is_enabled(options, "binds"),
                    .system_calls = options.follows_system_calls};
  if (is_enabled(options, "websockets")) followed.websockets = ports_of(websocket);
  return followed;
}

// What there could be more, and why there is not.
std::string missing_of(const Features& features) {
  std::string missing;
  for (const Feature& feature : features) {
    if (feature.on) continue;
    missing += fmt::format("{}{} ({})", missing.empty() ? "" : "; ", feature.name, feature.reason);
  }
  return missing.empty() ? "nothing" : missing;
}

void log_start(const Logger& logger, const Options& options, const Features& features,
               const std::vector<std::string>& urls) {
  logger.info("starting socket_exporter", {{"version", std::string(kVersion)},
                                           {"revision", std::string(kRevision)},
                                           {"branch", std::string(kBranch)},
                                           {"compiler", std::string(kCompiler)}});
  std::vector<std::string_view> names;
  for (const CollectorEntry* entry : options.collectors) names.push_back(entry->name);
  logger.info("enabled collectors", {{"collectors", fmt::format("{}", fmt::join(names, ","))}});
  for (const Feature& feature : features) {
    logger.debug("feature", {{"feature", feature.name},
                             {"state", feature.on ? "on" : "off"},
                             {"reason", feature.reason}});
  }
  logger.info("kernel access",
              {{"tier", std::string(tier_of(features))}, {"missing", missing_of(features)}});
  for (const std::string& url : urls) {
    logger.info("listening", {{"url", url}, {"metrics", url + options.web.telemetry_path}});
  }
}

void serve_until_stopped(const Signals& signals, LiveConfig& config, const Logger& logger) {
  while (true) {
    switch (signals.wait()) {
      case SIGHUP:
        // What went wrong is in the log already, and the old configuration in force.
        static_cast<void>(config.reload());
        break;
      case SIGTERM:
        logger.info("stopping: finishing the requests under way", {{"signal", "SIGTERM"}});
        return;
      default:
        logger.info("stopping: finishing the requests under way", {{"signal", "SIGINT"}});
        return;
    }
  }
}

// Many threads answer with megabytes; glibc would keep 20 times what is in use for them.
void keep_memory_small() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

}  // namespace

int run_serve(const Options& options) {
  const Signals signals;
  keep_memory_small();
  Config start_config = load_start_config(options);
  const Logger logger(options.log_level, options.log_format);

  LinuxKernel kernel(kernel_paths(options), followed_by(options, start_config.websocket));
  const Features features = kernel.features();  // from here on the kernel is the gather thread's
  Scraper scraper(kernel, options.collector_options, logger);
  ServiceResolver resolver(
      resolve_host,
      [&](std::shared_ptr<const ServiceMap> map) { scraper.set_services(std::move(map)); },
      kResolveInterval, logger);
  LiveConfig config(
      options.config_file, std::move(start_config),
      [&](const Config& next) {
        resolver.set_services(next.services);
        scraper.set_websocket(settings_of(next.websocket));
      },
      logger);

  const auto max_requests = static_cast<unsigned>(options.web.max_requests);
  HttpMetrics http_metrics;
  MetricsHandler metrics(scraper, options.collectors,
                         {.max_requests = max_requests,
                          .config_families = [&] { return config_families(config, resolver); }},
                         options.web.exporter_metrics ? &http_metrics : nullptr);
  Router router;
  router.add("GET", options.web.telemetry_path, std::ref(metrics));
  add_health_routes(router, [] { return true; });
  add_lifecycle_routes(router, config, options.web.lifecycle);
  const ThresholdSource thresholds = [&config] { return config.current()->checks; };
  add_check_routes(router, scraper, thresholds);
  ReportSource reports(scraper, thresholds);
  add_report_routes(router, reports);
  add_status_page(router, options.web);

  HttpServerOptions server_options;
  server_options.threads = std::max(server_options.threads, max_requests + kSpareThreads);
  server_options.metrics = &http_metrics;
  HttpServer server(options.web.listen_addresses, router, logger, server_options);
  log_start(logger, options, features, server.urls());
  serve_until_stopped(signals, config, logger);
  server.stop();
  logger.info("stopped");
  return 0;
}

}  // namespace socket_exporter
