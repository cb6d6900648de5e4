#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/checks.h"
#include "exporter/diagnosis/inspection.h"

namespace socket_exporter {

/// How it is; the values are the exit codes of monitoring plug-ins.
enum class Status { ok, warning, critical, unknown };

constexpr std::string_view to_string(Status status) {
  constexpr std::string_view kNames[] = {"ok", "warning", "critical", "unknown"};
  return kNames[static_cast<std::size_t>(status)];
}
/// How much it matters: critical, warning, unknown, ok.
int gravity(Status status);
/// "OK", "WARNING", "CRITICAL", "UNKNOWN".
std::string upper_case(Status status);

/// A part of a whole, judged; everything of nothing is used.
Status judge(std::uint64_t part, std::uint64_t whole, const Levels& levels);

/// A number that a check looked at, for graphs.
struct Measure {
  std::string_view name;
  std::uint64_t value = 0;
  std::optional<std::uint64_t> limit;
};

struct CheckResult {
  Status status = Status::unknown;
  int used_percent = 0;  ///< of the limit that is nearest
  std::string message;   ///< one sentence
  std::vector<Measure> measures;
  Protocol protocol = Protocol::tcp;  ///< of the ports that system-ports judged

  int score() const { return 100 - used_percent; }
  /// Of the limit that is nearest, or of another that was looked at.
  int fullest_percent() const;
};

/// What a check says that could not read.
CheckResult unknown_result(const Error& error);

/// One check of the catalogue.
struct CheckInfo {
  std::string_view name;
  std::string_view title;
  std::string_view summary;
  Levels defaults;
  Needs needs;
  CheckResult (*judge)(const Inspection& seen, const Levels& levels);  ///< pure
};

/// All checks, in the order of kCheckNames.
std::span<const CheckInfo> all_checks();
/// Null when there is none of that name.
const CheckInfo* find_check(std::string_view name);

/// "/api/v1/checks/system-ports"
std::string check_path(const CheckInfo& check);

/// A check with what it judged.
struct CheckRun {
  const CheckInfo* check = nullptr;
  Levels levels;
  CheckResult result;
  Inspection seen;
};

/// Reads what the check needs of each namespace, all in one pass, and judges it: worst first. Of
/// several, and of another than the own, the message names the namespace. Gather thread, or a
/// program that has no other.
std::vector<CheckRun> perform_check(const CheckInfo& check, const Thresholds& chosen,
                                    Kernel& kernel, Snapshot& snapshot,
                                    std::span<const NetNs> namespaces);

}  // namespace socket_exporter
