#pragma once

#include <array>
#include <cstddef>
#include <unordered_map>

namespace socket_exporter {

/// A hash table of at most `Most` entries, made for scans: keys that were met a short time ago are
/// found without a walk through it. Entries stay where they are.
template <typename Key, typename Value, typename Hash, std::size_t Most>
class BoundedTable {
 public:
  using Map = std::unordered_map<Key, Value, Hash>;

  /// The key's value, made on first sight; null when the table is full.
  Value* find_or_add(const Key& key) {
    Entry*& recent = recent_[Hash()(key) % kRecent];
    if (recent == nullptr || !(recent->first == key)) {
      auto entry = map_.find(key);
      if (entry == map_.end()) {
        if (map_.size() >= Most) return nullptr;
        entry = map_.try_emplace(key).first;
      }
      recent = &*entry;
    }
    return &recent->second;
  }

  const Map& entries() const { return map_; }

 private:
  using Entry = typename Map::value_type;
  static constexpr std::size_t kRecent = 1024;

  Map map_;
  std::array<Entry*, kRecent> recent_{};
};

}  // namespace socket_exporter
