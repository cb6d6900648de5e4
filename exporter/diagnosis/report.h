#pragma once

#include <chrono>
#include <cstddef>
#include <limits>
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

/// Pure. Where the commands of a finding are to be run; empty: where the exporter runs.
std::string where_to_run(const Inspection& seen, const Finding& finding);

/// Pure. One screen, no line wider than 100 columns; escape sequences only with `colours`.
std::string report_text(const Report& report, bool colours);

/// What all reports of one moment have in common.
struct ReportContext {
  std::chrono::system_clock::time_point time;  ///< when the sockets were read
  std::vector<Feature> features;
  CheckThresholds thresholds;  ///< chosen instead of the defaults
};

/// The reports of one moment, worst first.
struct Reports {
  std::vector<Report> reports;
  ReportContext context;
};

/// Pure. The same as one JSON object.
std::string report_json(const Report& report, const ReportContext& context);

/// How much of many reports is written: so many of them, with so many rows in each list.
struct ReportLimits {
  std::size_t reports = std::numeric_limits<std::size_t>::max();
  std::size_t rows = std::numeric_limits<std::size_t>::max();
};

/// Pure. Of all reports what the worst says, sums, and the top of their lists; and the worst of
/// them under "reports".
std::string reports_json(std::span<const Report> reports, const ReportContext& context,
                         const ReportLimits& limits = {});

}  // namespace socket_exporter
