#include "exporter/diagnosis/report.h"

#include <unistd.h>

#include <cstdlib>

#include "collectors/kernel/linux_kernel.h"
#include "exporter/cli/cli.h"

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

Report read_report(const Options& options) {
  const Config config = load_start_config(options);
  LinuxKernel kernel(options.procfs_root);
  auto namespaces = kernel.namespaces();
  if (!namespaces) {
    Inspection unread;
    unread.sockets = namespaces.error();
    return judge_report(std::move(unread), config.checks);
  }
  const ServiceMap services = named_blocks(config);
  History history;
  Snapshot snapshot(kernel, std::move(*namespaces), std::chrono::steady_clock::now() + kReportTime,
                    options.collector_options, services, history);
  return make_report(kernel, snapshot, config.checks);
}

}  // namespace

// The exit code says whether there is a report, not how the host is: that is what `check` is for.
int run_report(const Options& options) {
  const Report report = read_report(options);
  print(options.format == OutputFormat::json ? report_json(report)
                                             : report_text(report, wants_colours()));
  return report.status == Status::unknown ? 1 : 0;
}

}  // namespace socket_exporter
