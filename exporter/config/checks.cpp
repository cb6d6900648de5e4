#include "exporter/config/checks.h"

#include <fmt/format.h>

#include <charconv>

namespace socket_exporter {

Thresholds thresholds_of(std::string_view check, const CheckThresholds& chosen) {
  const auto found = chosen.find(check);
  return found != chosen.end() ? found->second : Thresholds{};
}

Thresholds merged(const Thresholds& chosen, const Thresholds& otherwise) {
  return {chosen.warning ? chosen.warning : otherwise.warning,
          chosen.critical ? chosen.critical : otherwise.critical};
}

Levels levels_of(const Levels& defaults, const Thresholds& chosen) {
  return {chosen.warning.value_or(defaults.warning), chosen.critical.value_or(defaults.critical)};
}

Result<Levels> valid_levels(std::string_view check, const Thresholds& chosen) {
  const Levels levels = levels_of(default_levels(check), chosen);
  if (levels.warning <= levels.critical) return levels;
  return Error{Error::Kind::malformed,
               fmt::format("{} would warn from {} % on, above critical from {} % on; change one, "
                           "or give both",
                           check, levels.warning, levels.critical)};
}

std::optional<double> parse_percent(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) return {};
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  if (value > 100) return {};
  return value;
}

}  // namespace socket_exporter
