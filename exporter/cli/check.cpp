#include <fmt/format.h>

#include <exception>
#include <stdexcept>

#include "collectors/kernel/linux_kernel.h"
#include "exporter/cli/cli.h"
#include "exporter/diagnosis/check_output.h"
#include "exporter/diagnosis/netns_choice.h"

namespace socket_exporter {
namespace {

// Below the 60 s after which monitoring systems give up on a plug-in.
constexpr std::chrono::seconds kCheckTime{30};

/// A wrong command line: said on standard error, as of other wrong flags.
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

CheckRun unknown_run(const Options& options, const CheckInfo& check, const Error& error) {
  CheckRun run;
  run.check = &check;
  run.levels = levels_of(check.defaults, options.check.thresholds);
  run.result = unknown_result(error);
  return run;
}

// Worst first.
Result<std::vector<CheckRun>> read_and_judge(const Options& options, const CheckInfo& check) {
  const Config config = load_start_config(options);
  const Thresholds thresholds = chosen_thresholds(options.check, config.checks);
  LinuxKernel kernel(kernel_paths(options));
  auto namespaces = kernel.namespaces();
  if (!namespaces) return namespaces.error();
  const ServiceMap no_services;
  History history;
  Snapshot snapshot(kernel, std::move(*namespaces), std::chrono::steady_clock::now() + kCheckTime,
                    options.collector_options, no_services, history);
  const auto chosen = choose_namespaces(kernel, snapshot, options.netns);
  if (!chosen) {
    CheckRun unknown = unknown_run(options, check, chosen.error());
    unknown.result.message = chosen.error().what;
    return std::vector{std::move(unknown)};
  }
  return perform_check(check, thresholds, kernel, snapshot, *chosen);
}

// What ends other commands becomes an unknown result, in the format asked for.
std::vector<CheckRun> run_or_unknown(const Options& options, const CheckInfo& check) {
  try {
    auto runs = read_and_judge(options, check);
    return runs ? std::move(*runs) : std::vector{unknown_run(options, check, runs.error())};
  } catch (const WrongThresholds&) {
    throw;
  } catch (const std::exception& error) {
    return {unknown_run(options, check, {Error::Kind::io, error.what()})};
  }
}

std::string text_of(std::span<const CheckRun> runs, const Options& options) {
  const bool is_all = options.netns == kAllNetns;
  switch (options.format) {
    case OutputFormat::json:
      return is_all ? checks_json(runs) : check_json(runs.front());
    case OutputFormat::nagios:
      return check_nagios(runs.front());
    default:
      return is_all ? checks_text(runs) : check_text(runs.front());
  }
}

}  // namespace

int run_check(const Options& options) {
  if (options.check.list) {
    const Config config = load_start_config(options);
    print(options.format == OutputFormat::json ? check_list_json(config.checks)
                                               : check_list_text(config.checks));
    return 0;
  }
  const auto runs = run_or_unknown(options, *find_check(options.check.name));
  print(text_of(runs, options));
  return static_cast<int>(runs.front().result.status);
}

}  // namespace socket_exporter
