#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "collectors/base/address.h"
#include "collectors/kernel/socket.h"
#include "collectors/kernel/workload.h"

namespace socket_exporter {

/// A process and how many file descriptors it has.
struct Process {
  std::uint32_t pid = 0;
  std::string comm;  ///< as the process set it: any byte, escape sequences too
  std::uint64_t open_fds = 0;
  std::optional<std::uint64_t> fds_limit;  ///< soft limit; kUnlimited is none
  std::uint32_t netns = 0;                 ///< inode; 0: not known
  Workload workload{};
};

/// The pod or container of a process; `cgroup` is the id of its cgroup, 0: not known.
using WorkloadOf = std::function<Workload(std::uint32_t pid, std::uint64_t cgroup)>;

/// The other end of outgoing connections of a network namespace.
struct DestinationKey {
  std::uint32_t netns = 0;
  IpAddress address{};
  std::uint16_t port = 0;
  auto operator<=>(const DestinationKey&) const = default;
};

/// Destinations whose owners are asked for.
using DestinationSet = std::set<DestinationKey>;
inline constexpr std::size_t kMostDestinations = 4096;

/// Sockets of a process, by state.
struct HeldSockets {
  std::array<std::uint32_t, kTcpStates> tcp{};
  std::uint32_t udp = 0;
};

/// Which process holds which socket.
class Owners {
 public:
  struct SocketOwner {
    std::uint32_t inode = 0;
    std::uint32_t process = 0;  ///< index in `processes`
  };

  struct Holder {
    std::uint32_t process = 0;  ///< index in `processes`
    std::uint32_t netns = 0;    ///< of the sockets, which may not be that of the process
    auto operator<=>(const Holder&) const = default;
  };

  /// What the eBPF walk counts besides.
  struct Counts {
    std::map<Holder, HeldSockets> held;
    std::map<DestinationKey, std::uint32_t> destinations;  ///< process with the most sockets
  };

  Owners() = default;
  /// Of processes that share a socket (fork) the first in `processes` counts.
  Owners(std::vector<Process> processes, std::vector<SocketOwner> sockets, std::uint64_t unreadable,
         std::optional<Counts> counts = std::nullopt);

  const std::vector<Process>& processes() const { return processes_; }
  /// Index of the owner in `processes`; nothing for inode 0 and for what could not be read. With
  /// `counts` a listener's owner is always known, another socket's may not be.
  std::optional<std::size_t> owner_of(std::uint32_t inode) const;
  /// Of a listener all processes that share it, each once.
  std::vector<std::size_t> holders_of(std::uint32_t inode) const;
  /// Processes whose descriptors the exporter may not see.
  std::uint64_t unreadable() const { return unreadable_; }
  /// Nothing where sockets have to be counted by their inodes.
  const std::optional<Counts>& counts() const { return counts_; }

  /// What is known of these network namespaces, whose inodes may be others' by now.
  void forget(const std::set<std::uint32_t>& netns);

 private:
  std::span<const SocketOwner> entries_of(std::uint32_t inode) const;

  std::vector<Process> processes_;
  std::vector<SocketOwner> sockets_;  ///< sorted by inode, then by process
  std::uint64_t unreadable_ = 0;
  std::optional<Counts> counts_;
};

}  // namespace socket_exporter
