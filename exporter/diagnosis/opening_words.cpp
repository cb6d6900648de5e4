#include "exporter/diagnosis/opening_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kNamedOpeners = 3;

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{} %", whole_percent(part, whole));
}

// ", 98 % under a second"; empty while none has ended. A lifetime is known of what has ended only,
// and the long ones are still open when the watch is over.
std::string short_lived_text(const OpenCounts& counts) {
  const std::uint64_t closed = counts.closed(), opened = counts.opened();
  if (closed == 0) return "";
  std::string text =
      fmt::format(", {} under a second", percent(counts.counters[SX_SHORT_LIVED], closed));
  if (4 * closed < 3 * opened) {
    text += fmt::format(", of the {} that ended meanwhile", percent(closed, opened));
  }
  return text;
}

std::string_view main_failure(const OpenCounts& counts) {
  const auto first = counts.counters.begin() + SX_FAILED_NO_PORT;
  const auto most = std::max_element(first, counts.counters.begin() + SX_FAILED_OTHER + 1);
  return kFailureNames[static_cast<std::size_t>(most - first)];
}

}  // namespace

std::string rate(const SeenWatch& watch, std::uint64_t count) {
  const double rate = watch.per_second(count);
  if (rate == 0 || rate >= 10) return grouped(static_cast<std::uint64_t>(std::llround(rate)));
  return fmt::format("{:.1f}", rate);
}

std::string time_text(std::chrono::duration<double> time) {
  const double seconds = time.count();
  if (seconds < 0.001) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  return fmt::format("{:.0f} min", seconds / 60);
}

std::string openers_text(const SeenOpenings& openings) {
  const auto& openers = openings.openers;
  if (openers.size() == 1 || openings.counts.attempts() == 0)
    return to_string(openers.front().process);
  std::string text;
  std::uint64_t rest = openings.counts.attempts();
  for (std::size_t i = 0; i < std::min(openers.size(), kNamedOpeners); ++i) {
    const std::uint64_t attempts = openers[i].counts.attempts();
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", to_string(openers[i].process),
                        percent(attempts, openings.counts.attempts()));
    rest -= attempts;
  }
  if (rest > 0) text += fmt::format(", others {}", percent(rest, openings.counts.attempts()));
  return text;
}

std::string opening_sentence(const SeenWatch& watch, const SeenOpenings& openings) {
  const OpenCounts& counts = openings.counts;
  const bool is_one = openings.openers.size() == 1;
  const std::string who = openers_text(openings);
  if (counts.attempts() == 0) {
    return fmt::format("{} began no connection to it meanwhile; {}/s begun before failed.", who,
                       rate(watch, counts.failed()));
  }
  if (counts.opened() == 0) {
    return fmt::format("{} {} {} connections/s to it, in vain.", who,
                       is_one ? "tries to open" : "try to open", rate(watch, counts.attempts()));
  }
  std::string text = fmt::format("{} {} {} connections/s to it", who, is_one ? "opens" : "open",
                                 rate(watch, counts.opened()));
  if (openings.lifetime) {
    text += fmt::format("; each lives {} (median){}", time_text(*openings.lifetime),
                        short_lived_text(counts));
  }
  return text + ".";
}

std::string opening_line(const SeenWatch& watch, const SeenOpenings& openings) {
  const OpenCounts& counts = openings.counts;
  std::string text =
      fmt::format("{}/s by {}", rate(watch, counts.opened()), openers_text(openings));
  if (openings.lifetime) {
    text += fmt::format("; live {}{}", time_text(*openings.lifetime), short_lived_text(counts));
  }
  if (counts.failed() > 0) {
    text += fmt::format("; {}/s fail ({})", rate(watch, counts.failed()), main_failure(counts));
  }
  return text;
}

}  // namespace socket_exporter
