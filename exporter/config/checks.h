#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/base/result.h"

namespace socket_exporter {

/// The checks that `check`, /api/v1/checks and the configuration know.
inline constexpr std::array<std::string_view, 5> kCheckNames{
    "system-ports", "tcp-states", "listen-queues", "conntrack", "file-descriptors"};

/// Percentages from which on a check warns or is critical; empty: the check's own default.
struct Thresholds {
  std::optional<double> warning{};
  std::optional<double> critical{};
};

/// By name of the check.
using CheckThresholds = std::map<std::string, Thresholds, std::less<>>;

/// What was chosen for that check, or nothing.
Thresholds thresholds_of(std::string_view check, const CheckThresholds& chosen);

/// `chosen` where given, else `otherwise`.
Thresholds merged(const Thresholds& chosen, const Thresholds& otherwise);

/// Percentages from which on something warns or is critical: 70.0 % of 70 is a warning.
struct Levels {
  double warning = 70;
  double critical = 85;
};

/// What a check goes by when nothing else is chosen.
constexpr Levels default_levels(std::string_view check) {
  // A healthy process closes what its peer closed, so half is a leak.
  return check == "tcp-states" ? Levels{50, 80} : Levels{70, 85};
}

/// `chosen` where given, else the default.
Levels levels_of(const Levels& defaults, const Thresholds& chosen);

/// What the check would judge by; malformed when it would warn only above critical.
Result<Levels> valid_levels(std::string_view check, const Thresholds& chosen);

/// "70" or "72.5", from 0 to 100.
std::optional<double> parse_percent(std::string_view text);

}  // namespace socket_exporter
