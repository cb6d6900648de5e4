#include "exporter/config/commands.h"

#include <fmt/format.h>

#include <array>

#include "collectors/collector.h"
#include "exporter/config/checks.h"

namespace socket_exporter {
namespace {

using Kind = Flag::Kind;

constexpr std::array<CommandInfo, 4> kCommands{{
    {Command::serve, "serve", "[serve] [<flags>]", "Serve metrics over HTTP (the default)."},
    {Command::check, "check", "check (NAME | --list) [<flags>]",
     "Run one check and exit 0 (ok), 1 (warning), 2 (critical) or 3 (unknown, or a wrong flag)."},
    {Command::report, "report", "report [<flags>]",
     "Show how close this host, or a network namespace of it, is to its limits."},
    {Command::metrics, "metrics", "metrics [<flags>]", "Print the reference of all metrics."},
}};

void add_shared_flags(std::vector<Flag>& flags) {
  flags.push_back({Kind::value, "config.file", "FILE",
                   "Configuration with services and thresholds (socket_exporter.yml). None by "
                   "default."});
  flags.push_back({Kind::value, "path.procfs", "\"/proc\"", "Where procfs is mounted."});
  flags.push_back({Kind::value, "path.rootfs", "\"/\"",
                   "Where the host's root is mounted: its run/netns and var/log/pods name network "
                   "namespaces and pods."});
  flags.push_back({Kind::value, "log.level", "\"info\"",
                   "Least level that is logged: debug, info, warn or error."});
  flags.push_back(
      {Kind::value, "log.format", "\"logfmt\"", "Format of log lines: logfmt or json."});
}

void add_collector_flags(std::vector<Flag>& flags) {
  for (const CollectorEntry* entry : all_collectors()) {
    flags.push_back(
        {Kind::on_off, fmt::format("collector.{}", entry->name), "",
         fmt::format("{} ({} by default).", entry->summary, entry->on_by_default ? "on" : "off")});
  }
  flags.push_back({Kind::on_off, "collector.node-compat", "",
                   "All collectors with node_exporter's own metric names at once."});
  flags.push_back({Kind::toggle, "collector.disable-defaults", "",
                   "Leave all collectors off that are not switched on by a flag."});
  flags.push_back({Kind::value, "collector.netstat.fields", "REGEX",
                   "Fields that the netstat collector shows, as RE2 syntax. By default "
                   "node_exporter's and those that our alerts use."});
  flags.push_back({Kind::value, "netns.max", "1000",
                   "How many network namespaces are shown on their own, the oldest first; the rest "
                   "is \"other\"."});
  flags.push_back({Kind::value, "collector.ephemeral_ports.top", "20",
                   "How many (source, destination, port) tuples are shown on their own."});
  flags.push_back({Kind::value, "collector.destinations.top", "50",
                   "How many destinations are shown on their own; the rest is \"other\"."});
  flags.push_back({Kind::value, "collector.connects.top", "100",
                   "How many groups of outgoing connections, and destinations with their times, "
                   "are shown on their own; the rest is \"other\"."});
  flags.push_back({Kind::on_off, "collector.connects.responses", "",
                   "Times of responses, for which every packet of the host passes a program (on by "
                   "default)."});
  flags.push_back({Kind::value, "collector.processes.top", "30",
                   "How many groups of processes are shown on their own; the rest is \"other\"."});
}

std::vector<Flag> serve_flags() {
  std::vector<Flag> flags{
      {Kind::repeatable, "web.listen-address", "\":10077\"",
       "Address and port to listen on. Repeatable."},
      {Kind::value, "web.telemetry-path", "\"/metrics\"", "Path under which metrics are served."},
      {Kind::value, "web.max-requests", "40",
       "Scrapes served at the same time; others get 503. 0 sets no limit of its own: then the 64 "
       "threads of the server are the limit, and others wait."},
      {Kind::toggle, "web.disable-exporter-metrics", "",
       "Leave out metrics about the exporter's own process (process_*, HTTP requests)."},
      {Kind::toggle, "web.enable-lifecycle", "", "Let POST /-/reload read --config.file again."},
  };
  add_collector_flags(flags);
  add_shared_flags(flags);
  return flags;
}

Flag netns_flag() {
  return {
      Kind::value, "netns", "\"host\"",
      "Network namespace to look at: its name as in the label netns, the number of a process in "
      "it, or all. The exporter's own by default."};
}

std::vector<Flag> check_flags() {
  std::vector<Flag> flags{
      {Kind::toggle, "list", "", "List the checks instead of running one."},
      {Kind::value, "warning-threshold", "PERCENT",
       "Warn from here on, whatever --config.file says."},
      {Kind::value, "critical-threshold", "PERCENT",
       "Critical from here on, whatever --config.file says."},
      {Kind::value, "format", "\"text\"", "Output: text, json or nagios."},
      netns_flag(),
  };
  add_shared_flags(flags);
  return flags;
}

std::vector<Flag> report_flags() {
  std::vector<Flag> flags{
      {Kind::value, "format", "\"text\"", "Output: text or json."},
      netns_flag(),
      {Kind::value, "observe", "\"2s\"",
       "How long to watch who opens connections, such as 500ms, 60s at most; 0s "
       "does not. Needs CAP_BPF and CAP_PERFMON. With --websocket \"60s\", 600s at most."},
      {Kind::toggle, "websocket", "",
       "Report WebSocket connections instead, and what they end of: of the ports of --config.file, "
       "else of all that see a handshake. --netns is \"all\" then. Needs CAP_NET_ADMIN too."}};
  add_shared_flags(flags);
  return flags;
}

}  // namespace

std::span<const CommandInfo> all_commands() {
  return kCommands;
}

std::vector<Flag> flags_of(Command command) {
  switch (command) {
    case Command::serve:
      return serve_flags();
    case Command::check:
      return check_flags();
    case Command::report:
      return report_flags();
    case Command::metrics:
      break;
  }
  return {{Kind::value, "format", "\"markdown\"", "Output: markdown or json."}};
}

std::string help_text(const CommandInfo& info) {
  std::string text = fmt::format("usage: socket_exporter {}\n\n{}\n", info.usage, info.summary);
  if (info.command == Command::serve) {
    text += "\nCommands:\n";
    for (const CommandInfo& each : kCommands) {
      text += fmt::format("  {:<10}{}\n", each.name, each.summary);
    }
    text += "\n\"socket_exporter COMMAND --help\" shows the flags of a command.\n";
  }
  if (info.command == Command::check) {
    text += fmt::format("\nChecks: {}.\n", fmt::join(kCheckNames, ", "));
  }
  std::vector<Flag> flags = flags_of(info.command);
  text += "\nFlags:\n  -h, --help                                  Show this help.\n";
  flags.push_back({Kind::toggle, "version", "", "Show the version and how it was built."});
  return text + flags_help(flags);
}

}  // namespace socket_exporter
