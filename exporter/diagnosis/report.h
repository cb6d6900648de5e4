#pragma once

#include <string>
#include <vector>

#include "exporter/diagnosis/causes.h"

namespace socket_exporter {

/// What an operator wants to know first.
struct Report {
  Status status = Status::unknown;
  std::string headline;
  std::vector<Finding> findings;  ///< worst first; the headline is the first one's
  Inspection seen;
};

/// Reads everything and looks for causes; `chosen` goes before the defaults of the checks.
/// Gather thread, or a program that has no other.
Report make_report(Kernel& kernel, Snapshot& snapshot, const CheckThresholds& chosen);

/// Pure: the same of values.
Report judge_report(Inspection seen, const CheckThresholds& chosen);

/// Pure. One screen, no line wider than 100 columns; escape sequences only with `colours`.
std::string report_text(const Report& report, bool colours);

/// Pure. The same as one JSON object.
std::string report_json(const Report& report);

}  // namespace socket_exporter
