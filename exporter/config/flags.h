#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "collectors/collector.h"
#include "collectors/options.h"
#include "exporter/config/checks.h"
#include "exporter/log.h"

namespace socket_exporter {

enum class Command { serve, check, report, metrics };
enum class OutputFormat { text, json, nagios, markdown };

struct WebOptions {
  std::vector<std::string> listen_addresses;
  std::string telemetry_path;
  std::size_t max_requests = 0;  ///< 0: no limit but the threads of the server
  bool exporter_metrics = true;
  bool lifecycle = false;
};

struct CheckOptions {
  std::string name;  ///< empty with `list`
  bool list = false;
  Thresholds thresholds;  ///< go before those of the configuration
};

/// Everything the command line decides; what a command does not know keeps its default.
struct Options {
  Command command;
  OutputFormat format;
  CollectorOptions collector_options;
  std::vector<const CollectorEntry*> collectors{};  ///< enabled ones, in output order
  bool follows_system_calls = false;  ///< --collector.binds was given, so it may cost something
  bool times_responses = true;        ///< not --no-collector.connects.responses
  WebOptions web{};
  CheckOptions check{};
  std::string netns = "host";            ///< that report and check look at
  std::chrono::milliseconds observe{0};  ///< how long report watches connections; 0: not at all
  bool websocket = false;                ///< report is about WebSockets
  std::string config_file{};             ///< empty: none
  std::string procfs_root = "/proc";
  std::string rootfs = "/";
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::logfmt;
};

/// Asked for by --help or --version: goes to standard output, exit 0.
struct PrintAndExit {
  std::string text;
};

using CommandLine = std::variant<Options, PrintAndExit, Error>;

/// Pure. `arguments` are without the program's name.
CommandLine parse_command_line(std::span<const std::string> arguments);

/// What --version prints.
std::string version_text();

}  // namespace socket_exporter
