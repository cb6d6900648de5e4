#include "exporter/config/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "collectors/base/text.h"
#include "exporter/config/checks.h"
#include "exporter/config/commands.h"
#include "exporter/config/flag_set.h"
#include "exporter/version.h"

namespace socket_exporter {
namespace {

constexpr std::string_view kDefaultListenAddress = ":10077";
constexpr std::string_view kDefaultTelemetryPath = "/metrics";
constexpr std::size_t kDefaultMaxRequests = 40;
constexpr std::size_t kMostRequests = 1000;
constexpr std::size_t kMostShown = 10'000;

struct ObserveTimes {
  std::chrono::seconds usual;
  std::chrono::seconds most;
};
constexpr ObserveTimes kObserveConnects{std::chrono::seconds(2), std::chrono::seconds(60)};
constexpr ObserveTimes kObserveWebsockets{std::chrono::seconds(60), std::chrono::seconds(600)};

struct FormatName {
  std::string_view name;
  OutputFormat format;
};
constexpr FormatName kCheckFormats[] = {
    {"text", OutputFormat::text}, {"json", OutputFormat::json}, {"nagios", OutputFormat::nagios}};
constexpr FormatName kReportFormats[] = {{"text", OutputFormat::text},
                                         {"json", OutputFormat::json}};
constexpr FormatName kMetricsFormats[] = {{"markdown", OutputFormat::markdown},
                                          {"json", OutputFormat::json}};

Error wrong(std::string what) {
  return {Error::Kind::malformed, std::move(what)};
}

// What `read` makes of the flag's value, or the error that names flag, value and `wanted`.
template <typename T, typename Read>
Result<T> value_of(const FlagValues& values, std::string_view flag, T fallback,
                   std::string_view wanted, Read read) {
  if (!values.given(flag)) return fallback;
  const std::string text = values.text(flag, "");
  const std::optional<T> value = read(text);
  if (!value) {
    return wrong(fmt::format(R"(flag "--{}": "{}" is wrong; give {})", flag, text, wanted));
  }
  return *value;
}

Result<std::size_t> number(const FlagValues& values, std::string_view flag, std::size_t fallback,
                           std::size_t least, std::size_t most) {
  return value_of<std::size_t>(values, flag, fallback,
                               fmt::format("a whole number from {} to {}", least, most),
                               [&](const std::string& text) -> std::optional<std::size_t> {
                                 const auto value = parse_number<std::size_t>(text);
                                 if (!value || *value < least || *value > most) return {};
                                 return value;
                               });
}

Result<std::optional<double>> threshold(const FlagValues& values, std::string_view flag) {
  return value_of<std::optional<double>>(
      values, flag, std::nullopt, "a percentage from 0 to 100, such as 70",
      [](const std::string& text) -> std::optional<std::optional<double>> {
        const auto percent = parse_percent(text);
        if (!percent) return {};
        return percent;
      });
}

// "2s" or "500ms".
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const bool is_millis = text.ends_with("ms");
  if (!is_millis && !text.ends_with("s")) return {};
  text.remove_suffix(is_millis ? 2 : 1);
  const auto value = parse_number<std::uint32_t>(text);
  if (!value) return {};
  return std::chrono::milliseconds(std::int64_t{*value} * (is_millis ? 1 : 1000));
}

Result<std::chrono::milliseconds> observe_time(const FlagValues& values) {
  const ObserveTimes& times = values.given("websocket") ? kObserveWebsockets : kObserveConnects;
  return value_of<std::chrono::milliseconds>(
      values, "observe", times.usual,
      fmt::format("a time such as 2s or 500ms, of at most {}s", times.most.count()),
      [&](const std::string& text) -> std::optional<std::chrono::milliseconds> {
        const auto time = parse_duration(text);
        if (!time || *time > times.most) return {};
        return time;
      });
}

Result<OutputFormat> format_of(const FlagValues& values, std::span<const FormatName> formats) {
  std::vector<std::string_view> names;
  for (const FormatName& each : formats) names.push_back(each.name);
  return value_of<OutputFormat>(
      values, "format", formats.front().format, fmt::format("one of {}", fmt::join(names, ", ")),
      [&](const std::string& text) -> std::optional<OutputFormat> {
        const auto it = std::find_if(formats.begin(), formats.end(),
                                     [&](const auto& f) { return f.name == text; });
        if (it == formats.end()) return {};
        return it->format;
      });
}

Result<std::string> telemetry_path(const FlagValues& values) {
  const std::string path = values.text("web.telemetry-path", kDefaultTelemetryPath);
  const auto refuse = [&](std::string_view why) {
    return wrong(fmt::format(R"(flag "--web.telemetry-path": "{}" {}; the default is "{}")", path,
                             why, kDefaultTelemetryPath));
  };
  if (path.front() != '/') return refuse("has to begin with \"/\"");
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '?' && c != '#' && c != '%' && c != '*' && c != '$' &&
           c != '|';
  });
  if (!plain) return refuse("has characters that a path cannot have");
  if (path == "/") return refuse("is the landing page");
  if (path.starts_with("/-/") || path == "/-" || path.starts_with("/api/") || path == "/api") {
    return refuse("belongs to the exporter's own routes");
  }
  return path;
}

Result<WebOptions> web_options(const FlagValues& values) {
  WebOptions web;
  web.listen_addresses = values.texts("web.listen-address");
  if (web.listen_addresses.empty()) web.listen_addresses.emplace_back(kDefaultListenAddress);
  auto path = telemetry_path(values);
  if (!path) return path.error();
  web.telemetry_path = std::move(*path);
  const auto most = number(values, "web.max-requests", kDefaultMaxRequests, 0, kMostRequests);
  if (!most) return most.error();
  web.max_requests = *most;
  web.exporter_metrics = !values.given("web.disable-exporter-metrics");
  web.lifecycle = values.given("web.enable-lifecycle");
  return web;
}

// A flag of its own decides first, then the group's, then the default.
std::vector<const CollectorEntry*> enabled_collectors(const FlagValues& values) {
  const bool defaults = !values.given("collector.disable-defaults");
  const auto group = values.on("collector.node-compat");
  std::vector<const CollectorEntry*> enabled;
  for (const CollectorEntry* entry : all_collectors()) {
    bool on = defaults && entry->on_by_default;
    if (group && entry->node_compat) on = *group;
    on = values.on(fmt::format("collector.{}", entry->name)).value_or(on);
    if (on) enabled.push_back(entry);
  }
  return enabled;
}

Result<CollectorOptions> collector_options(const FlagValues& values) {
  auto fields =
      FieldFilter::compile(values.text("collector.netstat.fields", kDefaultNetstatFields));
  if (!fields) {
    return wrong(fmt::format("flag \"--collector.netstat.fields\": {}", fields.error().what));
  }
  CollectorOptions options{.netstat_fields = std::move(*fields)};
  const auto tuples =
      number(values, "collector.ephemeral_ports.top", options.top_tuples, 1, kMostShown);
  if (!tuples) return tuples.error();
  const auto destinations =
      number(values, "collector.destinations.top", options.top_destinations, 1, kMostShown);
  if (!destinations) return destinations.error();
  const auto connects =
      number(values, "collector.connects.top", options.top_connects, 1, kMostShown);
  if (!connects) return connects.error();
  const auto namespaces = number(values, "netns.max", options.max_namespaces, 1, kMostShown);
  if (!namespaces) return namespaces.error();
  options.max_namespaces = *namespaces;
  const auto processes =
      number(values, "collector.processes.top", options.top_processes, 1, kMostShown);
  if (!processes) return processes.error();
  options.process_metrics = !values.given("web.disable-exporter-metrics");
  options.top_tuples = *tuples;
  options.top_destinations = *destinations;
  options.top_connects = *connects;
  options.top_processes = *processes;
  return options;
}

Result<LogLevel> log_level(const FlagValues& values) {
  return value_of<LogLevel>(values, "log.level", LogLevel::info, "one of debug, info, warn, error",
                            parse_log_level);
}

Result<LogFormat> log_format(const FlagValues& values) {
  return value_of<LogFormat>(values, "log.format", LogFormat::logfmt, "one of logfmt, json",
                             parse_log_format);
}

// Empty with --list.
Result<std::string> check_name(const FlagValues& values) {
  const auto& names = values.positionals();
  const std::vector<std::string> known(kCheckNames.begin(), kCheckNames.end());
  const bool list = values.given("list");
  if (list != names.empty() || names.size() > 1) {
    return wrong(
        fmt::format("check takes one name, or --list; the checks are {}", fmt::join(known, ", ")));
  }
  if (list) return std::string{};
  if (std::find(known.begin(), known.end(), names.front()) != known.end()) return names.front();
  return wrong(fmt::format("unknown check \"{}\"{} The checks are {}.", names.front(),
                           did_you_mean(names.front(), known), fmt::join(known, ", ")));
}

Result<CheckOptions> check_options(const FlagValues& values) {
  const auto name = check_name(values);
  if (!name) return name.error();
  const auto warning = threshold(values, "warning-threshold");
  if (!warning) return warning.error();
  const auto critical = threshold(values, "critical-threshold");
  if (!critical) return critical.error();
  if (*warning && *critical && **warning > **critical) {
    return wrong(
        fmt::format("flag \"--warning-threshold\": {} is above --critical-threshold={}; swap them",
                    **warning, **critical));
  }
  return CheckOptions{*name, name->empty(), {*warning, *critical}};
}

Result<OutputFormat> read_format(const FlagValues& values, Command command) {
  switch (command) {
    case Command::check:
      return format_of(values, kCheckFormats);
    case Command::report:
      return format_of(values, kReportFormats);
    case Command::metrics:
      return format_of(values, kMetricsFormats);
    case Command::serve:
      break;
  }
  return OutputFormat::text;
}

Result<Options> read_options(const FlagValues& values, Command command) {
  const auto format = read_format(values, command);
  if (!format) return format.error();
  auto chosen = collector_options(values);
  if (!chosen) return chosen.error();
  auto web = web_options(values);
  if (!web) return web.error();
  const auto level = log_level(values);
  if (!level) return level.error();
  const auto lines = log_format(values);
  if (!lines) return lines.error();
  const auto observe = observe_time(values);
  if (!observe) return observe.error();
  Options options{.command = command,
                  .format = *format,
                  .collector_options = std::move(*chosen),
                  .collectors = enabled_collectors(values),
                  .follows_system_calls = values.on("collector.binds").value_or(false),
                  .times_responses = values.on("collector.connects.responses").value_or(true),
                  .web = std::move(*web),
                  .netns = values.text("netns", values.given("websocket") ? "all" : "host"),
                  .observe = *observe,
                  .websocket = values.given("websocket"),
                  .config_file = values.text("config.file", ""),
                  .procfs_root = values.text("path.procfs", "/proc"),
                  .rootfs = values.text("path.rootfs", "/"),
                  .log_level = *level,
                  .log_format = *lines};
  if (command == Command::check) {
    auto check = check_options(values);
    if (!check) return check.error();
    options.check = std::move(*check);
  } else if (!values.positionals().empty()) {
    return wrong(
        fmt::format("unexpected argument \"{}\"; a command comes before its flags. See "
                    "--help.",
                    values.positionals().front()));
  }
  return options;
}

bool asks(std::span<const std::string> arguments, std::string_view flag) {
  return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
}

const CommandInfo* find_command(std::string_view name) {
  const auto commands = all_commands();
  const auto it = std::find_if(commands.begin(), commands.end(),
                               [&](const CommandInfo& each) { return each.name == name; });
  return it == commands.end() ? nullptr : &*it;
}

Error unknown_command(const std::string& given) {
  std::vector<std::string> names;
  for (const CommandInfo& each : all_commands()) names.emplace_back(each.name);
  return wrong(fmt::format("unknown command \"{}\"{} The commands are {}. See --help.", given,
                           did_you_mean(given, names), fmt::join(names, ", ")));
}

}  // namespace

std::string version_text() {
  return fmt::format(
      "socket_exporter, version {} (branch: {}, revision: {})\n"
      "  build user:       {}\n"
      "  build date:       {}\n"
      "  compiler:         {}\n"
      "  platform:         {}\n",
      kVersion, kBranch, kRevision, kBuildUser, kBuildDate, kCompiler, kPlatform);
}

CommandLine parse_command_line(std::span<const std::string> arguments) {
  const CommandInfo* info = &all_commands().front();
  if (!arguments.empty() && !arguments.front().starts_with("-")) {
    info = find_command(arguments.front());
    if (info == nullptr) return unknown_command(arguments.front());
    arguments = arguments.subspan(1);
  }
  if (asks(arguments, "--help") || asks(arguments, "-h")) return PrintAndExit{help_text(*info)};
  if (asks(arguments, "--version")) return PrintAndExit{version_text()};

  const auto values = parse_flags(flags_of(info->command), arguments);
  if (!values) return values.error();
  auto options = read_options(*values, info->command);
  if (!options) return options.error();
  return std::move(*options);
}

}  // namespace socket_exporter
