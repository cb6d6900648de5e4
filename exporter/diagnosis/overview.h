#pragma once

#include <span>
#include <string>

#include "exporter/diagnosis/report.h"

namespace socket_exporter {

/// Pure. Of the reports of several namespaces, worst first: a screen with a line for each, then the
/// worst that could be read in full.
std::string overview_text(std::span<const Report> reports, bool colours);

}  // namespace socket_exporter
