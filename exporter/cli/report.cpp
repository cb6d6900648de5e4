#include "exporter/diagnosis/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <span>
#include <stdexcept>

#include "collectors/kernel/linux_kernel.h"
#include "exporter/cli/cli.h"
#include "exporter/diagnosis/netns_choice.h"
#include "exporter/diagnosis/overview.h"
#include "exporter/diagnosis/websocket_report.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

constexpr std::chrono::seconds kReportTime{30};

// Blocks only: host names would have to be resolved, and DNS may be what is down.
ServiceMap named_blocks(const Config& config) {
  std::vector<ServiceMap::Rule> rules;
  for (const Service& service : config.services) {
    for (const ServiceMatch& match : service.match) {
      if (match.block) rules.push_back({*match.block, match.port, service.name});
    }
  }
  return ServiceMap(std::move(rules));
}

// https://no-color.org
bool wants_colours() {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

Reports read_reports(const Options& options) {
  const Config config = load_start_config(options);
  const bool watches = options.observe.count() > 0;
  LinuxKernel kernel(kernel_paths(options), {.connects = watches});
  ReportContext context{std::chrono::system_clock::now(), kernel.features(), config.checks};
  auto namespaces = kernel.namespaces();
  if (!namespaces) {
    Inspection unread;
    unread.sockets = namespaces.error();
    return {{judge_report(std::move(unread), config.checks)}, std::move(context)};
  }
  const ServiceMap services = named_blocks(config);
  History history;
  Snapshot snapshot(kernel, std::move(*namespaces),
                    std::chrono::steady_clock::now() + options.observe + kReportTime,
                    options.collector_options, services, history);
  const auto chosen = choose_namespaces(kernel, snapshot, options.netns);
  if (!chosen) throw std::runtime_error(fmt::format("flag \"--netns\": {}", chosen.error().what));
  std::optional<Result<Observation>> observed;
  if (watches) observed = observe(kernel, options.observe);
  context.time = std::chrono::system_clock::now();
  return {make_reports(kernel, snapshot, *chosen, config.checks, observed ? &*observed : nullptr),
          std::move(context)};
}

// Ports that nobody named are learned.
WebsocketPorts watched_ports(const WebsocketConfig& config) {
  WebsocketPorts ports = ports_of(config);
  ports.learns |= ports.empty();
  return ports;
}

// Why what is asked for is not followed.
std::optional<std::string> reason_against(std::span<const Feature> features,
                                          std::string_view name) {
  const auto feature = std::find_if(features.begin(), features.end(),
                                    [&](const Feature& f) { return f.name == name; });
  return feature == features.end() || feature->on ? std::nullopt : std::optional(feature->reason);
}

Result<WebsocketWatch> watch_now(const Options& options) {
  const WebsocketPorts ports = watched_ports(load_start_config(options).websocket);
  LinuxKernel kernel(kernel_paths(options), {.websockets = ports});
  const auto features = kernel.features();
  const auto not_plain = reason_against(features, "websocket_tracking");
  const auto not_tls = reason_against(features, "websocket_tls");
  if (not_plain && not_tls) return Error{Error::Kind::unavailable, *not_plain};
  auto namespaces = kernel.namespaces();
  if (!namespaces) return namespaces.error();
  const ServiceMap no_services;
  History history;
  Snapshot snapshot(kernel, std::move(*namespaces),
                    std::chrono::steady_clock::now() + options.observe + kReportTime,
                    options.collector_options, no_services, history);
  const auto chosen = choose_namespaces(kernel, snapshot, options.netns);
  if (!chosen) throw std::runtime_error(fmt::format("flag \"--netns\": {}", chosen.error().what));
  if (not_plain) fmt::print(stderr, "only inside of TLS: {}\n", printable(*not_plain));
  if (not_tls && ports.tls) fmt::print(stderr, "not inside of TLS: {}\n", printable(*not_tls));
  fmt::print(stderr, "watching WebSocket connections for {} s\n",
             std::chrono::duration<double>(options.observe).count());
  return watch_websockets(kernel, snapshot, *chosen, options.observe);
}

int report_websockets(const Options& options) {
  const auto watch = watch_now(options);
  if (!watch) {
    throw std::runtime_error(
        fmt::format("WebSockets cannot be watched: {}", printable(watch.error().what)));
  }
  print(options.format == OutputFormat::json ? websocket_json(*watch)
                                             : websocket_text(*watch, wants_colours()));
  return 0;
}

}  // namespace

// The exit code says whether there is a report, not how the host is: that is what `check` is for.
int run_report(const Options& options) {
  if (options.websocket) return report_websockets(options);
  const auto [reports, context] = read_reports(options);
  const bool as_json = options.format == OutputFormat::json;
  if (options.netns == kAllNetns) {
    print(as_json ? reports_json(reports, context) : overview_text(reports, wants_colours()));
  } else {
    print(as_json ? report_json(reports.front(), context)
                  : report_text(reports.front(), wants_colours()));
  }
  const bool none = std::all_of(reports.begin(), reports.end(), [](const Report& report) {
    return report.status == Status::unknown;
  });
  return none ? 1 : 0;
}

}  // namespace socket_exporter
