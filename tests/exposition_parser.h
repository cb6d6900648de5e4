#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/scrape/exposition.h"

namespace socket_exporter {

struct ParsedSample {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;  ///< sorted, unescaped
  double value = 0;
};

struct ParsedFamily {
  std::string name;
  std::string type;
  std::string help;  ///< unescaped
  std::vector<ParsedSample> samples;
};

/// Reads an exposition, stricter than Prometheus does: throws std::runtime_error with
/// the line for whatever the format's text does not allow.
std::vector<ParsedFamily> parse_exposition(ExpositionFormat format, std::string_view text);

}  // namespace socket_exporter
