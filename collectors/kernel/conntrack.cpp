#include "collectors/kernel/conntrack.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

using Slot = std::optional<std::uint64_t> ConntrackStat::*;

struct Column {
  std::string_view name;
  Slot slot;
};

constexpr Column kColumns[] = {
    {"found", &ConntrackStat::found},
    {"invalid", &ConntrackStat::invalid},
    {"ignore", &ConntrackStat::ignore},
    {"insert", &ConntrackStat::insert},
    {"insert_failed", &ConntrackStat::insert_failed},
    {"drop", &ConntrackStat::drop},
    {"early_drop", &ConntrackStat::early_drop},
    {"search_restart", &ConntrackStat::search_restart},
};

Error malformed(std::string_view line) {
  return {Error::Kind::malformed, fmt::format("nf_conntrack statistics: \"{}\"", line)};
}

// One slot a column, null for those that nobody asked for.
std::vector<Slot> slots_of(std::string_view header) {
  std::vector<Slot> slots;
  while (!header.empty()) {
    const std::string_view name = next_word(header);
    const auto* const column = std::find_if(std::begin(kColumns), std::end(kColumns),
                                            [&](const Column& c) { return c.name == name; });
    slots.push_back(column == std::end(kColumns) ? nullptr : column->slot);
  }
  return slots;
}

}  // namespace

// A header that differs between kernels, "entries  clashres found new invalid …", and a line of
// hexadecimal numbers a CPU, "00000000  00000000 0000002a 00000000 …".
Result<ConntrackStat> parse_conntrack_stat(std::string_view text) {
  const std::string_view header = next_line(text);
  const auto slots = slots_of(header);
  const bool has_known =
      std::any_of(slots.begin(), slots.end(), [](Slot s) { return s != nullptr; });
  if (!has_known || text.empty()) return malformed(header);

  ConntrackStat sums;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    std::string_view words = line;
    for (const Slot slot : slots) {
      const auto value = parse_number<std::uint64_t>(next_word(words), 16);
      if (!value) return malformed(line);
      if (slot != nullptr) sums.*slot = (sums.*slot).value_or(0) + *value;
    }
    if (!words.empty()) return malformed(line);
  }
  return sums;
}

}  // namespace socket_exporter
