#include "collectors/kernel/netstat.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

Error malformed(std::string_view protocol, std::string_view problem) {
  return {Error::Kind::malformed, fmt::format("netstat: {}: {}", protocol, problem)};
}

// Tcp MaxConn is -1, the octet counters use all 64 bits.
std::optional<double> parse_value(std::string_view word) {
  if (word.starts_with('-')) {
    const auto value = parse_number<std::int64_t>(word);
    return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
  }
  const auto value = parse_number<std::uint64_t>(word);
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}

Result<NetstatValue> parse_statistic(std::string_view protocol, std::string_view name,
                                     std::string_view word) {
  const auto value = parse_value(word);
  if (!value || !is_name(protocol) || !is_name(name)) {
    return malformed(protocol, fmt::format("{} \"{}\"", name, word));
  }
  return NetstatValue{protocol, name, *value};
}

using Statistics = std::vector<NetstatValue>;

// What is wanted of one protocol: a line of names and a line of values.
Result<Statistics> parse_protocol(std::string_view protocol, std::string_view names,
                                  std::string_view words, const NetstatFilter& wanted) {
  Statistics statistics;
  while (!names.empty() && !words.empty()) {
    const std::string_view name = next_word(names);
    const std::string_view word = next_word(words);
    if (!wanted(protocol, name)) continue;
    const auto statistic = parse_statistic(protocol, name, word);
    if (!statistic) return statistic.error();
    statistics.push_back(*statistic);
  }
  if (names.empty() != words.empty()) return malformed(protocol, "more names or more values");
  return statistics;
}

}  // namespace

// Two lines a protocol, "Udp: InDatagrams NoPorts InErrors" and "Udp: 26 0 0".
Result<std::vector<NetstatValue>> parse_netstat(std::string_view text,
                                                const NetstatFilter& wanted) {
  Statistics statistics;
  while (!text.empty()) {
    std::string_view names = next_line(text);
    const std::string_view heading = next_word(names);
    if (heading.empty()) continue;
    std::string_view words = next_line(text);
    if (!heading.ends_with(':') || next_word(words) != heading) {
      return malformed(heading, "names and values do not follow one another");
    }
    const std::string_view protocol = heading.substr(0, heading.size() - 1);
    const auto found = parse_protocol(protocol, names, words, wanted);
    if (!found) return found.error();
    statistics.insert(statistics.end(), found->begin(), found->end());
  }
  return statistics;
}

// One line a statistic, "Ip6InOctets                     	416".
Result<std::vector<NetstatValue>> parse_snmp6(std::string_view text, const NetstatFilter& wanted) {
  Statistics statistics;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::string_view key = next_word(line);
    const auto six = key.find('6');
    if (six == std::string_view::npos) continue;
    const std::string_view protocol = key.substr(0, six + 1);
    const std::string_view name = key.substr(six + 1);
    if (!wanted(protocol, name)) continue;
    const auto statistic = parse_statistic(protocol, name, trim(line));
    if (!statistic) return statistic.error();
    statistics.push_back(*statistic);
  }
  return statistics;
}

}  // namespace socket_exporter
