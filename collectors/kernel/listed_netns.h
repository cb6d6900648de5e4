#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>

#include "collectors/kernel/kernel.h"

namespace socket_exporter {

/// The network namespaces of the host as they were listed last. The kernel gives the inode of one
/// that is gone to the next, so what is remembered by inode has to go with it.
class ListedNetns {
 public:
  /// Takes the new list; returns the inodes that named another namespace in the one before.
  std::set<std::uint32_t> update(std::span<const NetNs> namespaces);

 private:
  std::map<std::uint32_t, std::uint64_t> cookies_;  ///< by inode
};

}  // namespace socket_exporter
