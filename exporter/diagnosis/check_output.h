#pragma once

#include <span>
#include <string>

#include "exporter/config/config_file.h"
#include "exporter/diagnosis/checks.h"

namespace socket_exporter {

/// One JSON object. Of system-ports it has the keys portMin to topConsumers, whatever else comes.
std::string check_json(const CheckRun& run);

/// The same of the worst, which is the first, and under "namespaces" of all.
std::string checks_json(std::span<const CheckRun> runs);

/// One line for monitoring plug-ins: "PORTS OK - message|performance data".
std::string check_nagios(const CheckRun& run);

/// The message and the largest of what was counted, for people.
std::string check_text(const CheckRun& run);
/// The same of the worst, which is the first, and a line for each that is not well either.
std::string checks_text(std::span<const CheckRun> runs);

/// The catalogue with the thresholds in force: names and titles for people.
std::string check_list_text(const CheckThresholds& chosen);
/// The same as JSON, with the path of each below /api/v1.
std::string check_list_json(const CheckThresholds& chosen);

}  // namespace socket_exporter
