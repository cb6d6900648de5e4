#pragma once

#include <span>
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

/// Reads everything about each namespace, all in one pass, and looks for causes: worst first.
/// `chosen` goes before the defaults of the checks; `observed` is null when nobody asked who opens
/// connections. Gather thread, or a program without.
std::vector<Report> make_reports(Kernel& kernel, Snapshot& snapshot,
                                 std::span<const NetNs> namespaces, const CheckThresholds& chosen,
                                 const Result<Observation>* observed);

/// Pure: one of values.
Report judge_report(Inspection seen, const CheckThresholds& chosen);

/// Pure. One screen, no line wider than 100 columns; escape sequences only with `colours`.
std::string report_text(const Report& report, bool colours);

/// Pure. The same as one JSON object.
std::string report_json(const Report& report);

/// Pure. All of them under "reports", beside what the first and worst of them says.
std::string reports_json(std::span<const Report> reports);

}  // namespace socket_exporter
