#include "collectors/netns_places.h"

#include "collectors/base/address.h"

namespace socket_exporter {

std::uint64_t hash_of(const NetnsId& netns) {
  return hash_mix(netns.cookie ^ (std::uint64_t{netns.inode} << 32U));
}

void NetnsPlaces::update(std::span<const NetNs> all) {
  by_inode_.clear();
  for (const NetNs& ns : all) by_inode_.try_emplace(ns.inode, ns);
}

const NetNs* NetnsPlaces::find(const NetnsId& netns) const {
  const auto known = by_inode_.find(netns.inode);
  if (known == by_inode_.end()) return nullptr;
  const bool is_same = known->second.cookie == 0 || known->second.cookie == netns.cookie;
  return is_same ? &known->second : nullptr;
}

Place NetnsPlaces::place_of(const NetnsId& netns) const {
  if (netns == NetnsId{}) return Place::hidden;
  const NetNs* const ns = find(netns);
  if (ns == nullptr) return Place::absent;
  return ns->shown ? Place::shown : Place::hidden;
}

NetnsId NetnsPlaces::slot_of(const NetnsId& netns) const {
  const NetNs* const ns = find(netns);
  return ns != nullptr ? slot_of(*ns) : netns;
}

NetnsId NetnsPlaces::slot_of(const NetNs& ns) {
  return ns.is_other() ? NetnsId{} : NetnsId{ns.cookie, ns.inode};
}

}  // namespace socket_exporter
