#include "collectors/kernel/sys_net.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

Error malformed(std::string_view file, std::string_view text) {
  return {Error::Kind::malformed, fmt::format("{}: \"{}\"", file, text)};
}

std::optional<PortRange> to_range(std::string_view min, std::string_view max) {
  const auto first = parse_number<std::uint16_t>(min);
  const auto last = parse_number<std::uint16_t>(max);
  if (!first || !last || *first > *last) return std::nullopt;
  return PortRange{*first, *last};
}

}  // namespace

// "32768	60999"
Result<PortRange> parse_port_range(std::string_view text) {
  std::string_view words = trim(text);
  const std::string_view min = next_word(words);
  const auto range = to_range(min, words);
  if (!range) return malformed("ip_local_port_range", trim(text));
  return *range;
}

// "8080,9148-9150", or an empty line.
Result<std::vector<PortRange>> parse_reserved_ports(std::string_view text) {
  std::vector<PortRange> ranges;
  std::string_view rest = trim(text);
  bool more = !rest.empty();
  while (more) {
    const auto comma = rest.find(',');
    const std::string_view entry = rest.substr(0, comma);
    const auto dash = entry.find('-');
    const auto range = dash == std::string_view::npos
                           ? to_range(entry, entry)
                           : to_range(entry.substr(0, dash), entry.substr(dash + 1));
    if (!range) return malformed("ip_local_reserved_ports", entry);
    ranges.push_back(*range);
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
  }
  return ranges;
}

// "287898	383867	575796"
Result<TcpMemoryLimits> parse_tcp_mem(std::string_view text) {
  std::string_view words = trim(text);
  const auto low = parse_number<std::uint64_t>(next_word(words));
  const auto pressure = parse_number<std::uint64_t>(next_word(words));
  const auto high = parse_number<std::uint64_t>(words);
  if (!low || !pressure || !high) return malformed("tcp_mem", trim(text));
  return TcpMemoryLimits{*low, *pressure, *high};
}

// "9248	0	9223372036854775807": allocated, free (always 0), the limit.
Result<FileNr> parse_file_nr(std::string_view text) {
  std::string_view words = trim(text);
  const auto open = parse_number<std::uint64_t>(next_word(words));
  const auto free = parse_number<std::uint64_t>(next_word(words));
  const auto limit = parse_number<std::uint64_t>(words);
  if (!open || !free || !limit) return malformed("file-nr", trim(text));
  return FileNr{*open, *limit};
}

}  // namespace socket_exporter
