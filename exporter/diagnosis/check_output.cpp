#include "exporter/diagnosis/check_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

// "SYSTEM PORTS"
std::string nagios_title(std::string_view check) {
  std::string title(check);
  std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) {
    return c == '-' ? ' ' : static_cast<char>(std::toupper(c));
  });
  return title;
}

void append_line(std::string& text, std::string_view name, const std::string& value) {
  text += fmt::format("  {:<22}{}\n", name, value);
}

std::string text_of_measure(const Measure& measure) {
  return measure.limit ? fmt::format("{} of {}", grouped(measure.value), grouped(*measure.limit))
                       : grouped(measure.value);
}

}  // namespace

// Format: https://nagios-plugins.org/doc/guidelines.html#AEN197
std::string check_nagios(const CheckRun& run) {
  std::string message = run.result.message;
  std::replace(message.begin(), message.end(), '|', '/');
  std::string line = fmt::format("{} {} - {}", nagios_title(run.check->name),
                                 upper_case(run.result.status), message);
  if (run.result.status == Status::unknown) return line + "\n";
  line += fmt::format("|used={}%;{:g};{:g};0;100", run.result.used_percent, run.levels.warning,
                      run.levels.critical);
  for (const Measure& measure : run.result.measures) {
    line += fmt::format(" {}={};;;0;", measure.name, measure.value);
    if (measure.limit) line += std::to_string(*measure.limit);
  }
  return line + "\n";
}

std::string check_text(const CheckRun& run) {
  if (run.result.status == Status::unknown) {
    return fmt::format("{:<10}{}\n", upper_case(run.result.status), run.result.message);
  }
  const auto words = wrapped(run.result.message, 90);
  std::string text = fmt::format("{:<10}", upper_case(run.result.status));
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += fmt::format("{:{}}{}\n", "", i == 0 ? 0 : 10, words[i]);
  }
  append_line(text, "used",
              fmt::format("{} % (warning from {:g} %, critical from {:g} %)",
                          run.result.used_percent, run.levels.warning, run.levels.critical));
  for (const Measure& measure : run.result.measures) {
    append_line(text, measure.name, text_of_measure(measure));
  }
  return text;
}

std::string checks_text(std::span<const CheckRun> runs) {
  constexpr std::size_t kShown = 10;
  std::string text = check_text(runs.front());
  std::size_t beyond = 0;
  std::size_t shown = 1;
  for (const CheckRun& run : runs.subspan(1)) {
    if (run.result.status == Status::ok) continue;
    if (shown++ < kShown) {
      text += fmt::format("{:<10}{}\n", upper_case(run.result.status), run.result.message);
    } else {
      ++beyond;
    }
  }
  if (beyond > 0) text += fmt::format("          {} more are not well.\n", grouped(beyond));
  return text + fmt::format("          {} were checked.\n", counted(runs.size(), "namespace"));
}

std::string check_list_text(const CheckThresholds& chosen) {
  std::string text;
  for (const CheckInfo& check : all_checks()) {
    const Levels levels = levels_of(check.defaults, thresholds_of(check.name, chosen));
    text += fmt::format("{:<18}{} Warning from {:g} %, critical from {:g} %.\n", check.name,
                        check.summary, levels.warning, levels.critical);
  }
  return text;
}

}  // namespace socket_exporter
