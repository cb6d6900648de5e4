#include "collectors/kernel/listed_netns.h"

#include <utility>

namespace socket_exporter {

std::set<std::uint32_t> ListedNetns::update(std::span<const NetNs> namespaces) {
  std::map<std::uint32_t, std::uint64_t> now;
  for (const NetNs& ns : namespaces) now.emplace(ns.inode, ns.cookie);
  std::set<std::uint32_t> gone;
  for (const auto& [inode, cookie] : std::exchange(cookies_, now)) {
    const auto found = now.find(inode);
    if (found == now.end() || found->second != cookie) gone.insert(inode);
  }
  return gone;
}

}  // namespace socket_exporter
