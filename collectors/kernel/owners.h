#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socket_exporter {

/// A process and how many file descriptors it has.
struct Process {
  std::uint32_t pid = 0;
  std::string comm;  ///< as the process set it: any byte, escape sequences too
  std::uint64_t open_fds = 0;
  std::optional<std::uint64_t> fds_limit;  ///< soft limit; kUnlimited is none
};

/// Which process holds which socket. Immutable once built.
class Owners {
 public:
  struct SocketOwner {
    std::uint32_t inode = 0;
    std::uint32_t process = 0;  ///< index in `processes`
  };

  Owners() = default;
  /// Of processes that share a socket (fork) the first in `processes` counts.
  Owners(std::vector<Process> processes, std::vector<SocketOwner> sockets,
         std::uint64_t unreadable);

  const std::vector<Process>& processes() const { return processes_; }
  /// Index of the owner in `processes`; nothing for inode 0 and for what could not be read.
  std::optional<std::size_t> owner_of(std::uint32_t inode) const;
  /// Processes whose descriptors the exporter may not see.
  std::uint64_t unreadable() const { return unreadable_; }

 private:
  std::vector<Process> processes_;
  std::vector<SocketOwner> sockets_;  ///< sorted by inode, then by process
  std::uint64_t unreadable_ = 0;
};

}  // namespace socket_exporter
