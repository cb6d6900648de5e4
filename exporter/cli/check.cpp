#include <fmt/format.h>

#include <exception>
#include <stdexcept>

#include "collectors/kernel/linux_kernel.h"
#include "exporter/cli/cli.h"
#include "exporter/diagnosis/check_output.h"

namespace socket_exporter {
namespace {

// Below the 60 s after which monitoring systems give up on a plug-in.
constexpr std::chrono::seconds kCheckTime{30};

/// A wrong command line: ends the program as other wrong flags do, with 1.
struct WrongThresholds : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The configuration is in order by itself, so the flag is what has to change.
Thresholds chosen_thresholds(const CheckOptions& check, const CheckThresholds& configured) {
  const Thresholds chosen = merged(check.thresholds, thresholds_of(check.name, configured));
  const auto levels = valid_levels(check.name, chosen);
  if (!levels) {
    throw WrongThresholds(fmt::format("flag \"--{}-threshold\": {}",
                                      check.thresholds.warning ? "warning" : "critical",
                                      levels.error().what));
  }
  return chosen;
}

Result<CheckRun> read_and_judge(const Options& options, const CheckInfo& check) {
  const Config config = load_start_config(options);
  const Thresholds thresholds = chosen_thresholds(options.check, config.checks);
  LinuxKernel kernel(options.procfs_root);
  auto namespaces = kernel.namespaces();
  if (!namespaces) return namespaces.error();
  const ServiceMap no_services;
  History history;
  Snapshot snapshot(kernel, std::move(*namespaces), std::chrono::steady_clock::now() + kCheckTime,
                    options.collector_options, no_services, history);
  return perform_check(check, thresholds, kernel, snapshot);
}

// What ends other commands with 1 would say "warning" here, so it becomes an unknown result.
CheckRun run_or_unknown(const Options& options, const CheckInfo& check) {
  const auto failed = [&](const Error& error) {
    CheckRun run;
    run.check = &check;
    run.levels = levels_of(check.defaults, options.check.thresholds);
    run.result = unknown_result(error);
    return run;
  };
  try {
    auto run = read_and_judge(options, check);
    return run ? std::move(*run) : failed(run.error());
  } catch (const WrongThresholds&) {
    throw;
  } catch (const std::exception& error) {
    return failed({Error::Kind::io, error.what()});
  }
}

}  // namespace

int run_check(const Options& options) {
  const bool as_json = options.format == OutputFormat::json;
  if (options.check.list) {
    const Config config = load_start_config(options);
    print(as_json ? check_list_json(config.checks) : check_list_text(config.checks));
    return 0;
  }
  const CheckRun run = run_or_unknown(options, *find_check(options.check.name));
  if (as_json) {
    print(check_json(run));
  } else {
    print(options.format == OutputFormat::nagios ? check_nagios(run) : check_text(run));
  }
  return static_cast<int>(run.result.status);
}

}  // namespace socket_exporter
