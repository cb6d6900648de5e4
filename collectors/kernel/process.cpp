#include "collectors/kernel/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

struct StatField {
  int number;  // as proc(5) counts them
  std::uint64_t ProcessStat::*slot;
};
constexpr StatField kStatFields[] = {
    {14, &ProcessStat::user_time},      {15, &ProcessStat::system_time},
    {22, &ProcessStat::start_time},     {23, &ProcessStat::virtual_bytes},
    {24, &ProcessStat::resident_pages},
};
constexpr int kFirstFieldBehindName = 3;

struct LimitField {
  std::string_view name;
  std::optional<std::uint64_t> ProcessLimits::*slot;
};
constexpr LimitField kLimitFields[] = {
    {"Max open files ", &ProcessLimits::open_files},
    {"Max address space ", &ProcessLimits::address_space_bytes},
};

Error malformed(std::string_view file, std::string_view line) {
  return {Error::Kind::malformed, fmt::format("{}: \"{}\"", file, line)};
}

}  // namespace

// "4711 (Web (1) x) S 1 4711 4711 0 -1 4194304 99 0 0 0 12 7 0 0 20 0 1 0 108535 3133440 409 …";
// the name may hold anything, parentheses and newlines too.
Result<ProcessStat> parse_process_stat(std::string_view text) {
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return malformed("stat", trim(text));
  std::string_view words = trim(text.substr(name_end + 1));
  ProcessStat stat;
  int number = kFirstFieldBehindName;
  for (const StatField& field : kStatFields) {
    for (; number < field.number; ++number) next_word(words);
    const auto value = parse_number<std::uint64_t>(next_word(words));
    ++number;
    if (!value) return malformed("stat", trim(text));
    stat.*field.slot = *value;
  }
  return stat;
}

// "Max open files            1024                 524288               files     "
Result<ProcessLimits> parse_process_limits(std::string_view text) {
  if (!text.starts_with("Limit ")) return malformed("limits", next_line(text));
  ProcessLimits limits;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    const auto* const field =
        std::find_if(std::begin(kLimitFields), std::end(kLimitFields),
                     [&](const LimitField& f) { return line.starts_with(f.name); });
    if (field == std::end(kLimitFields)) continue;
    std::string_view words = line.substr(field->name.size());
    const std::string_view soft = next_word(words);
    const auto value = soft == "unlimited" ? kUnlimited : parse_number<std::uint64_t>(soft);
    if (!value) return malformed("limits", line);
    limits.*field->slot = *value;
  }
  return limits;
}

// "btime 1795266654"
Result<std::uint64_t> parse_boot_time(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (next_word(line) != "btime") continue;
    const auto seconds = parse_number<std::uint64_t>(line);
    if (!seconds) return malformed("stat", line);
    return *seconds;
  }
  return malformed("stat", "no btime");
}

}  // namespace socket_exporter
