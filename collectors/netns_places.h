#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>

#include "collectors/counter_ledger.h"
#include "collectors/kernel/kernel.h"

namespace socket_exporter {

std::uint64_t hash_of(const NetnsId& netns);

/// Where the counters of each namespace go, as of the last update(). Namespaces that are not shown
/// count under NetnsId{}.
class NetnsPlaces {
 public:
  /// `all` are all of the host.
  void update(std::span<const NetNs> all);

  /// Null: no such namespace.
  const NetNs* find(const NetnsId& netns) const;
  Place place_of(const NetnsId& netns) const;
  /// Where the rest of a namespace counts.
  NetnsId slot_of(const NetnsId& netns) const;
  static NetnsId slot_of(const NetNs& ns);

 private:
  std::unordered_map<std::uint32_t, NetNs> by_inode_;
};

}  // namespace socket_exporter
