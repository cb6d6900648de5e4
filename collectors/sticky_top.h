#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace socket_exporter {

/// Chooses which keys of a top-K metric are shown. A key among the K largest is
/// shown at once and for five minutes after it last was, so series do not flap;
/// never more than 2K. Outlives scrapes; gather thread only.
template <typename Key>
class StickyTop {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Candidate {
    Key key;
    std::uint64_t size = 0;
  };
  static constexpr std::chrono::minutes kStay{5};

  /// Moves the shown candidates to the front, largest first; returns how many they are.
  std::size_t choose(std::vector<Candidate>& candidates, std::size_t k, Time now) {
    std::sort(candidates.begin(), candidates.end(), larger);
    const std::size_t top = std::min(k, candidates.size());
    for (std::size_t i = 0; i < top; ++i) last_in_top_[candidates[i].key] = now;
    std::erase_if(last_in_top_, [&](const auto& entry) { return now - entry.second > kStay; });

    // Behind the top, sorted by size, so that the largest of the former members stay.
    const auto begin = candidates.begin() + static_cast<std::ptrdiff_t>(top);
    const auto former = std::stable_partition(
        begin, candidates.end(), [&](const Candidate& c) { return last_in_top_.contains(c.key); });
    return std::min(static_cast<std::size_t>(former - candidates.begin()), 2 * k);
  }

  /// As if the keys that `is_gone` picks had never been in the top.
  template <typename Predicate>
  void forget_if(const Predicate& is_gone) {
    std::erase_if(last_in_top_, [&](const auto& entry) { return is_gone(entry.first); });
  }

 private:
  static bool larger(const Candidate& a, const Candidate& b) {
    return a.size != b.size ? a.size > b.size : a.key < b.key;
  }

  std::map<Key, Time> last_in_top_;
};

}  // namespace socket_exporter
