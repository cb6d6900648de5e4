#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <vector>

#include "collectors/sticky_top.h"

namespace socket_exporter {

/// What becomes of a counter: it is not shown (and waits), counts in the rest of all, or may have
/// a series of its own.
enum class Place { absent, hidden, shown };

/// Makes series of counters that the kernel holds by key: the largest label sets are shown on their
/// own, the others as the rest of their slot. Each increment goes to one of both at the moment it
/// is read, so no series ever runs backwards, whatever is shown. Outlives scrapes; gather thread.
template <typename Key, typename Labels, typename Slot, std::size_t N>
class CounterLedger {
 public:
  using Counters = std::array<std::uint64_t, N>;
  using Time = std::chrono::steady_clock::time_point;
  /// By what series are ranked.
  using Weight = std::uint64_t (*)(const Counters& increment);
  struct Series {
    const Labels& labels;
    const Counters& counters;
  };
  /// A series is as large as what it grew by lately: by this time ago, that counts half.
  static constexpr std::chrono::minutes kHalfLife{5};
  static constexpr std::chrono::minutes kIdle{10};

  explicit CounterLedger(Weight weight) : weight_(weight) {}

  /// Of each read, the first step: all keys with what the kernel has counted. `make_labels` is
  /// asked on first sight only; without labels a key counts in the rest.
  template <typename MakeLabels>
  void add(const Key& key, const Counters& total, const Slot& slot, Place place, Time now,
           const MakeLabels& make_labels) {
    const auto [entry, is_new] = known_.try_emplace(key);
    Known& known = entry->second;
    const std::uint64_t sum = std::accumulate(total.begin(), total.end(), std::uint64_t{0});
    if (is_new || sum != known.sum) known.changed = now;
    known.sum = sum;
    if (place == Place::absent) return;
    if (!known.is_placed) {
      if (const std::optional<Labels> labels = make_labels()) known.group = join(*labels, slot);
      known.is_placed = true;
    }
    if (total == known.counted) return;
    Counters& into = known.group == nullptr ? rest_[place == Place::shown ? slot : Slot{}]
                                            : known.group->increment;
    for (std::size_t i = 0; i < N; ++i) into[i] += total[i] - known.counted[i];
    known.counted = total;
  }

  /// What each label set grew by since the last choose().
  template <typename See>
  void for_each_increment(const See& see) const {
    for (const auto& [id, group] : groups_) {
      if (group.increment != Counters{}) see(group.labels, group.increment);
    }
  }

  /// Keys that have not changed for long.
  std::vector<Key> idle(Time now) const {
    std::vector<Key> keys;
    for (const auto& [key, known] : known_) {
      if (now - known.changed >= kIdle) keys.push_back(key);
    }
    return keys;
  }

  /// The kernel counts this key from zero again. After the last add() of it.
  void forget(const Key& key) {
    const auto entry = known_.find(key);
    if (entry == known_.end()) return;
    if (entry->second.group != nullptr) --entry->second.group->keys;
    known_.erase(entry);
  }

  /// The last step: chooses what is shown. Returns how many label sets are not.
  template <typename PlaceOf>
  std::size_t choose(std::size_t k, Time now, const PlaceOf& place_of) {
    const double faded = std::exp2(-std::chrono::duration<double>(now - chosen_) / kHalfLife);
    chosen_ = now;
    std::vector<typename StickyTop<std::uint64_t>::Candidate> ranked;
    for (auto& [id, group] : groups_) {
      group.lately = group.lately * faded + static_cast<double>(weight_(group.increment));
      group.is_shown = false;
      if (place_of(group.slot) != Place::shown) continue;
      ranked.push_back({id, static_cast<std::uint64_t>(std::llround(group.lately * kScale))});
    }
    const std::size_t count = top_.choose(ranked, k, now);
    shown_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      Group& group = groups_.at(ranked[i].key);
      group.is_shown = true;
      shown_.push_back(&group);
    }
    settle(place_of);
    return ranked.size() - count;
  }

  /// As of the last choose(), largest first; valid until the next.
  std::vector<Series> series() const {
    std::vector<Series> all;
    for (const Group* group : shown_) all.push_back({group->labels, group->counters});
    return all;
  }

  /// What is not shown of a slot; of Slot{} what is hidden.
  Counters rest_of(const Slot& slot) const {
    const auto found = rest_.find(slot);
    return found != rest_.end() ? found->second : Counters{};
  }

 private:
  struct Group {
    Labels labels;
    Slot slot;
    Counters counters{};   ///< while it was shown
    Counters increment{};  ///< of this read
    double lately = 0;
    std::size_t keys = 0;
    bool is_shown = false;
  };
  struct Known {
    Counters counted{};
    std::uint64_t sum = 0;
    Time changed{};
    Group* group = nullptr;  ///< null: the rest
    bool is_placed = false;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const { return hash_of(key); }
  };
  static constexpr double kScale = 1024;

  Group* join(const Labels& labels, const Slot& slot) {
    const auto [entry, is_new] = ids_.try_emplace(labels, next_id_);
    if (is_new) groups_.try_emplace(next_id_++, Group{labels, slot});
    Group& group = groups_.at(entry->second);
    ++group.keys;
    return &group;
  }

  template <typename PlaceOf>
  void settle(const PlaceOf& place_of) {
    for (auto& [id, group] : groups_) {
      const bool is_own = place_of(group.slot) == Place::shown;
      Counters& into = group.is_shown ? group.counters : rest_[is_own ? group.slot : Slot{}];
      for (std::size_t i = 0; i < N; ++i) into[i] += group.increment[i];
      group.increment = {};
    }
    std::erase_if(groups_, [&](const auto& entry) {
      const Group& group = entry.second;
      const bool is_over = group.keys == 0 && !group.is_shown;
      if (is_over) ids_.erase(group.labels);
      return is_over;
    });
    std::erase_if(rest_, [&](const auto& entry) {
      return entry.first != Slot{} && place_of(entry.first) == Place::absent;
    });
  }

  Weight weight_;
  std::unordered_map<Key, Known, Hash> known_;
  std::map<Labels, std::uint64_t> ids_;
  std::map<std::uint64_t, Group> groups_;  ///< by id, which is never used again
  std::uint64_t next_id_ = 0;
  std::map<Slot, Counters> rest_;
  StickyTop<std::uint64_t> top_;
  std::vector<const Group*> shown_;
  Time chosen_{};
};

}  // namespace socket_exporter
