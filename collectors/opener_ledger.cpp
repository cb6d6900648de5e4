#include "collectors/opener_ledger.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace socket_exporter {
namespace {

constexpr std::string_view kOther = "other";

}  // namespace

void OpenerLedger::begin(Time now) {
  now_ = slice_of(now);
  for (auto& [destination, known] : destinations_) {
    std::erase_if(known.openers, [&](const auto& entry) {
      const Window& window = entry.second;
      return std::none_of(window.begin(), window.end(),
                          [&](const Slice& slice) { return is_recent(slice); });
    });
  }
  std::erase_if(destinations_, [](const auto& entry) { return entry.second.openers.empty(); });
}

void OpenerLedger::count(const DestinationKey& destination, const Opener& opener,
                         std::int64_t opened, std::uint64_t time_wait) {
  Window& window = destinations_[destination].openers[opener];
  Slice& slice = window[static_cast<std::size_t>(now_) % kSlices];
  if (slice.number != now_) slice = {now_, {}};
  slice.sums.opened += opened;
  slice.sums.time_wait += time_wait;
}

OpenerLedger::Sums OpenerLedger::sum(const Window& window) const {
  Sums sums;
  for (const Slice& slice : window) {
    if (!is_recent(slice)) continue;
    sums.opened += slice.sums.opened;
    sums.time_wait += slice.sums.time_wait;
  }
  return sums;
}

std::vector<OpenerShare> OpenerLedger::shares(const DestinationKey& destination, Time now) {
  const auto found = destinations_.find(destination);
  if (found == destinations_.end()) return {};
  std::vector<StickyTop<Opener>::Candidate> ranked;
  std::uint64_t all = 0;
  std::uint64_t rest = 0;
  for (const auto& [opener, window] : found->second.openers) {
    const std::int64_t opened = sum(window).opened;
    if (opened <= 0) continue;
    const auto size = static_cast<std::uint64_t>(opened);
    all += size;
    if (opener.comm == kOther) {
      rest += size;
    } else {
      ranked.push_back({opener, size});
    }
  }
  const std::size_t shown = found->second.top.choose(ranked, kShown, now);
  const auto ratio = [&](std::uint64_t part) {
    return static_cast<double>(part) / static_cast<double>(all);
  };
  std::vector<OpenerShare> shares;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    if (i < shown) {
      shares.push_back({std::move(ranked[i].key), ratio(ranked[i].size)});
    } else {
      rest += ranked[i].size;
    }
  }
  if (rest > 0) shares.push_back({{"", "", "", std::string(kOther)}, ratio(rest)});
  return shares;
}

// Each part is the whole up to its end less the whole up to its beginning, both rounded down: that
// adds up, and no part is more than its opener made.
std::vector<OpenerSockets> OpenerLedger::share_out(const DestinationKey& destination,
                                                   std::uint32_t time_wait) const {
  const auto found = destinations_.find(destination);
  if (found == destinations_.end()) return {};
  std::uint64_t all = 0;
  for (const auto& [opener, window] : found->second.openers) all += sum(window).time_wait;
  if (all == 0) return {};
  const std::uint64_t whole = std::min<std::uint64_t>(time_wait, all);
  std::vector<OpenerSockets> parts;
  std::uint64_t made = 0;
  for (const auto& [opener, window] : found->second.openers) {
    const std::uint64_t before = whole * made / all;
    made += sum(window).time_wait;
    parts.push_back({opener, static_cast<std::uint32_t>(whole * made / all - before)});
  }
  return parts;
}

const Opener* OpenerLedger::largest(const DestinationKey& destination) const {
  const auto found = destinations_.find(destination);
  if (found == destinations_.end()) return nullptr;
  const Opener* largest = nullptr;
  std::uint64_t most = 0;
  for (const auto& [opener, window] : found->second.openers) {
    const std::uint64_t made = sum(window).time_wait;
    if (made <= most) continue;
    most = made;
    largest = &opener;
  }
  return largest;
}

}  // namespace socket_exporter
