#include "exporter/config/flags.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace socket_exporter;
using Catch::Contains;
using Catch::Equals;

namespace {

CommandLine parse(const std::vector<std::string>& arguments) {
  return parse_command_line(arguments);
}

Options options_of(const std::vector<std::string>& arguments) {
  auto line = parse(arguments);
  if (const auto* error = std::get_if<Error>(&line)) FAIL(error->what);
  REQUIRE(std::holds_alternative<Options>(line));
  return std::get<Options>(std::move(line));
}

std::string error_of(const std::vector<std::string>& arguments) {
  const auto line = parse(arguments);
  const auto* error = std::get_if<Error>(&line);
  return error == nullptr ? "no error" : error->what;
}

std::string printed(const std::vector<std::string>& arguments) {
  const auto line = parse(arguments);
  REQUIRE(std::holds_alternative<PrintAndExit>(line));
  return std::get<PrintAndExit>(line).text;
}

bool enables(const Options& options, const CollectorEntry* entry) {
  return std::count(options.collectors.begin(), options.collectors.end(), entry) == 1;
}

const CollectorEntry* default_collector() {
  const auto all = all_collectors();
  return *std::find_if(all.begin(), all.end(), [](const auto* e) { return e->on_by_default; });
}

}  // namespace

TEST_CASE("without arguments the exporter serves with its defaults", "[flags]") {
  const Options options = options_of({});
  CHECK(options.command == Command::serve);
  CHECK(options.web.listen_addresses == std::vector<std::string>{":10077"});
  CHECK(options.web.telemetry_path == "/metrics");
  CHECK(options.web.max_requests == 40);
  CHECK(options.web.exporter_metrics);
  CHECK_FALSE(options.web.lifecycle);
  CHECK(options.config_file.empty());
  CHECK(options.procfs_root == "/proc");
  CHECK(options.log_level == LogLevel::info);
  CHECK(options.log_format == LogFormat::logfmt);
  CHECK(options.collector_options.top_tuples == 20);
  CHECK(options.collector_options.top_destinations == 50);
  CHECK(options.collector_options.top_connects == 100);
  CHECK(options.collector_options.top_processes == 30);
  for (const CollectorEntry* entry : all_collectors()) {
    CHECK(enables(options, entry) == entry->on_by_default);
  }
}

TEST_CASE("system calls are followed only when binds are asked for by name", "[flags]") {
  CHECK_FALSE(options_of({}).follows_system_calls);
  CHECK_FALSE(options_of({"--no-collector.binds"}).follows_system_calls);
  CHECK(options_of({"--collector.binds"}).follows_system_calls);
}

TEST_CASE("responses are timed unless that is switched off", "[flags]") {
  CHECK(options_of({}).times_responses);
  CHECK(options_of({"--collector.connects.responses"}).times_responses);
  CHECK_FALSE(options_of({"--no-collector.connects.responses"}).times_responses);
}

TEST_CASE("a flag takes its value behind = or as the next argument", "[flags]") {
  const Options options = options_of(
      {"serve", "--web.listen-address=127.0.0.1:0", "--web.listen-address", "[::1]:0",
       "--web.max-requests", "7", "--web.telemetry-path=/m", "--log.level=debug", "--log.format",
       "json", "--config.file=a=b.yml", "--path.procfs=/host/proc", "--web.enable-lifecycle",
       "--web.disable-exporter-metrics", "--collector.ephemeral_ports.top=10000",
       "--collector.destinations.top=1", "--collector.processes.top=2",
       "--collector.connects.top=3", "--collector.netstat.fields=^Tcp_-.*$"});
  CHECK(options.web.listen_addresses == std::vector<std::string>{"127.0.0.1:0", "[::1]:0"});
  CHECK(options.web.max_requests == 7);
  CHECK(options.web.telemetry_path == "/m");
  CHECK(options.web.lifecycle);
  CHECK_FALSE(options.web.exporter_metrics);
  CHECK(options.log_level == LogLevel::debug);
  CHECK(options.log_format == LogFormat::json);
  CHECK(options.config_file == "a=b.yml");
  CHECK(options.procfs_root == "/host/proc");
  CHECK(options.collector_options.top_tuples == 10000);
  CHECK(options.collector_options.top_destinations == 1);
  CHECK(options.collector_options.top_connects == 3);
  CHECK(options.collector_options.top_processes == 2);
  CHECK(options.collector_options.netstat_fields.matches("Tcp_-x"));
  CHECK_FALSE(options.collector_options.netstat_fields.matches("Tcp_RetransSegs"));
}

TEST_CASE("every collector has a flag that switches it off and on", "[flags]") {
  for (const CollectorEntry* entry : all_collectors()) {
    const std::string name(entry->name);
    CHECK_FALSE(enables(options_of({"--no-collector." + name}), entry));
    const Options only = options_of({"--collector.disable-defaults", "--collector." + name});
    CHECK(only.collectors == std::vector<const CollectorEntry*>{entry});
  }
  CHECK(options_of({"--collector.disable-defaults"}).collectors.empty());
}

TEST_CASE("node-compat switches its collectors together, a flag of one wins", "[flags]") {
  const auto all = all_collectors();
  const Options off = options_of({"--no-collector.node-compat"});
  const Options on = options_of({"--collector.node-compat", "--collector.disable-defaults"});
  for (const CollectorEntry* entry : all) {
    CHECK(enables(off, entry) == (!entry->node_compat && entry->on_by_default));
    CHECK(enables(on, entry) == entry->node_compat);
    if (!entry->node_compat) continue;
    const std::string name(entry->name);
    CHECK(enables(options_of({"--no-collector.node-compat", "--collector." + name}), entry));
    CHECK_FALSE(enables(options_of({"--collector.node-compat", "--no-collector." + name}), entry));
  }
}

TEST_CASE("check takes a name or --list, thresholds and a format", "[flags]") {
  const Options options = options_of({"check", "system-ports", "--warning-threshold=60.5",
                                      "--critical-threshold", "90", "--format=nagios"});
  CHECK(options.command == Command::check);
  CHECK(options.check.name == "system-ports");
  CHECK(options.check.thresholds.warning == 60.5);
  CHECK(options.check.thresholds.critical == 90.0);
  CHECK(options.format == OutputFormat::nagios);
  CHECK(options_of({"check", "--list"}).check.list);
  CHECK(options_of({"check", "--format=json", "conntrack"}).check.name == "conntrack");
}

TEST_CASE("report and metrics have formats of their own", "[flags]") {
  CHECK(options_of({"report"}).format == OutputFormat::text);
  CHECK(options_of({"report", "--format", "json"}).format == OutputFormat::json);
  CHECK(options_of({"metrics"}).format == OutputFormat::markdown);
  CHECK(options_of({"metrics", "--format=json"}).format == OutputFormat::json);
}

TEST_CASE("report and check look at the exporter's namespace unless told otherwise", "[flags]") {
  CHECK(options_of({"report"}).netns == "host");
  CHECK(options_of({"report", "--netns=shop/cart-7d"}).netns == "shop/cart-7d");
  CHECK(options_of({"check", "conntrack", "--netns", "all"}).netns == "all");
  CHECK_THAT(error_of({"report", "--netns="}), Contains("empty"));
  CHECK_THAT(error_of({"serve", "--netns=all"}), Contains("--netns"));
}

TEST_CASE("report watches connections as long as it is told", "[flags]") {
  using std::chrono::milliseconds;
  CHECK(options_of({"report"}).observe == milliseconds(2000));
  CHECK(options_of({"report", "--observe=0s"}).observe == milliseconds(0));
  CHECK(options_of({"report", "--observe", "500ms"}).observe == milliseconds(500));
  CHECK(options_of({"report", "--observe=60s"}).observe == milliseconds(60'000));
  const std::string wrong = GENERATE(as<std::string>(), "2", "s", "-1s", "1.5s", "61s", "1m", "ms");
  CHECK_THAT(error_of({"report", "--observe=" + wrong}),
             Contains("\"" + wrong + "\" is wrong; give a time such as 2s or 500ms"));
  CHECK_THAT(error_of({"check", "conntrack", "--observe=2s"}), Contains("--observe"));
}

TEST_CASE("report watches WebSockets of all namespaces, and longer", "[flags]") {
  using std::chrono::milliseconds;
  const Options options = options_of({"report", "--websocket"});
  CHECK(options.websocket);
  CHECK(options.netns == "all");
  CHECK(options.observe == milliseconds(60'000));
  CHECK(options_of({"report", "--websocket", "--observe=600s"}).observe == milliseconds(600'000));
  CHECK_THAT(error_of({"report", "--websocket", "--observe=601s"}), Contains("at most 600s"));
  CHECK_FALSE(options_of({"report"}).websocket);
  CHECK_THAT(error_of({"check", "conntrack", "--websocket"}), Contains("--websocket"));
}

TEST_CASE("a wrong command line is one line with the fix", "[flags]") {
  using Arguments = std::vector<std::string>;
  const auto [arguments, error] = GENERATE(table<Arguments, std::string>({
      {{"--web.listen-adress=:1"},
       "unknown flag \"--web.listen-adress\"; did you mean \"--web.listen-address\"? See --help."},
      {{"--no-such-thing-at-all"}, "unknown flag \"--no-such-thing-at-all\". See --help."},
      {{"-x"}, "unknown flag \"-x\". See --help."},
      {{"--log.level=info", "--log.level=warn"},
       "flag \"--log.level\" is given 2 times; give it once"},
      {{"--web.enable-lifecycle", "--web.enable-lifecycle"},
       "flag \"--web.enable-lifecycle\" is given 2 times; give it once"},
      {{"--config.file"}, "flag \"--config.file\" needs a value, such as --config.file=FILE"},
      {{"--config.file="},
       "flag \"--config.file\" has an empty value; leave the flag out or give a value"},
      {{"--config.file", "--log.level=info"},
       "flag \"--config.file\" needs a value, such as --config.file=FILE; \"--log.level=info\" is "
       "a flag"},
      {{"--web.enable-lifecycle=yes"}, "flag \"--web.enable-lifecycle\" takes no value"},
      {{"--web.max-requests=many"},
       "flag \"--web.max-requests\": \"many\" is wrong; give a whole number from 0 to 1000"},
      {{"--web.max-requests=-1"},
       "flag \"--web.max-requests\": \"-1\" is wrong; give a whole number from 0 to 1000"},
      {{"--web.max-requests=99999999999999999999"},
       "flag \"--web.max-requests\": \"99999999999999999999\" is wrong; give a whole number from 0 "
       "to 1000"},
      {{"--collector.destinations.top=0"},
       "flag \"--collector.destinations.top\": \"0\" is wrong; give a whole number from 1 to "
       "10000"},
      {{"--collector.ephemeral_ports.top=10001"},
       "flag \"--collector.ephemeral_ports.top\": \"10001\" is wrong; give a whole number from 1 "
       "to 10000"},
      {{"--log.level=loud"},
       "flag \"--log.level\": \"loud\" is wrong; give one of debug, info, warn, error"},
      {{"--log.format=xml"}, "flag \"--log.format\": \"xml\" is wrong; give one of logfmt, json"},
      {{"--web.telemetry-path=metrics"},
       "flag \"--web.telemetry-path\": \"metrics\" has to begin with \"/\"; the default is "
       "\"/metrics\""},
      {{"--web.telemetry-path=/"},
       "flag \"--web.telemetry-path\": \"/\" is the landing page; the default is \"/metrics\""},
      {{"--web.telemetry-path=/-/healthy"},
       "flag \"--web.telemetry-path\": \"/-/healthy\" belongs to the exporter's own routes; the "
       "default is \"/metrics\""},
      {{"--web.telemetry-path=/api/v1/checks"},
       "flag \"--web.telemetry-path\": \"/api/v1/checks\" belongs to the exporter's own routes; "
       "the default is \"/metrics\""},
      {{"--web.telemetry-path=/a b"},
       "flag \"--web.telemetry-path\": \"/a b\" has characters that a path cannot have; the "
       "default is \"/metrics\""},
      {{"chekc"},
       "unknown command \"chekc\"; did you mean \"check\"? The commands are serve, check, report, "
       "metrics. See --help."},
      {{"reports"},
       "unknown command \"reports\"; did you mean \"report\"? The commands are serve, "
       "check, report, metrics. See --help."},
      {{"--log.level=info", "check"},
       "unexpected argument \"check\"; a command comes before its flags. See --help."},
      {{"serve", "more"},
       "unexpected argument \"more\"; a command comes before its flags. See --help."},
      {{"check"},
       "check takes one name, or --list; the checks are system-ports, tcp-states, "
       "listen-queues, conntrack, file-descriptors"},
      {{"check", "--list", "conntrack"},
       "check takes one name, or --list; the checks are system-ports, tcp-states, listen-queues, "
       "conntrack, file-descriptors"},
      {{"check", "system-port"},
       "unknown check \"system-port\"; did you mean \"system-ports\"? The checks are system-ports, "
       "tcp-states, listen-queues, conntrack, file-descriptors."},
      {{"check", "conntrack", "--warning-threshold=101"},
       "flag \"--warning-threshold\": \"101\" is wrong; give a percentage from 0 to 100, such as "
       "70"},
      {{"check", "conntrack", "--warning-threshold=90", "--critical-threshold=80"},
       "flag \"--warning-threshold\": 90 is above --critical-threshold=80; swap them"},
      {{"report", "--format=nagios"},
       "flag \"--format\": \"nagios\" is wrong; give one of text, json"},
      {{"metrics", "--web.max-requests=1"}, "unknown flag \"--web.max-requests\". See --help."},
  }));
  CHECK_THAT(error_of(arguments), Equals(error));
}

TEST_CASE("a regular expression that does not compile is refused at start", "[flags]") {
  const std::string error = error_of({"--collector.netstat.fields=(Tcp"});
  CHECK_THAT(error, Contains("flag \"--collector.netstat.fields\": "));
  CHECK(error.find('\n') == std::string::npos);
}

TEST_CASE("a collector cannot be switched both on and off", "[flags]") {
  const std::string name(default_collector()->name);
  CHECK_THAT(error_of({"--collector." + name, "--no-collector." + name}),
             Equals("flag \"--collector." + name + "\" is given 2 times; give it once"));
}

TEST_CASE("the help lists the commands and every flag", "[flags]") {
  const std::string help = printed({"--help"});
  CHECK_THAT(help, Contains("usage: socket_exporter [serve] [<flags>]") && Contains("report") &&
                       Contains("--web.listen-address=\":10077\"") &&
                       Contains("--web.max-requests=40") && Contains("--version"));
  CHECK(help.find("0 is no limit") == std::string::npos);  // the server's threads are one
  for (const CollectorEntry* entry : all_collectors()) {
    CHECK_THAT(help, Contains("--[no-]collector." + std::string(entry->name)));
    CHECK_THAT(help, Contains(std::string(entry->summary)));
  }
  CHECK(printed({"-h"}) == help);
  CHECK(printed({"serve", "--log.level=debug", "--help"}) == help);
  CHECK_THAT(printed({"check", "--help"}), Contains("--warning-threshold=PERCENT"));
}

TEST_CASE("the version is in Prometheus' form", "[flags]") {
  CHECK_THAT(
      printed({"--version"}),
      Catch::Matches("socket_exporter, version \\d+\\.\\d+\\.\\d+ \\(branch: \\S+, revision: "
                     "\\S+\\)\n  build user: +\\S+\n  build date: +\\S+\n  compiler: +.+\n  "
                     "platform: +linux/\\S+\n"));
}
