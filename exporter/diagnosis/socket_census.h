#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collectors/kernel/owners.h"
#include "exporter/diagnosis/inspection.h"

namespace socket_exporter {

/// Printable name and number of `process`, an index of `owners`.
ProcessName name_of(const Owners& owners, std::size_t process);

/// Counts the sockets of one pass by owner, address and listener: what PortUsage does not.
/// For one namespace; `owners` has to outlive it.
class SocketCensus {
 public:
  SocketCensus(const Owners& owners, std::uint16_t port_min, std::uint16_t port_max);

  void see(std::span<const Socket> sockets);

  /// What it saw, joined with what PortUsage saw in the same pass.
  SeenSockets finish(const PortUsage& usage, const NetNs& ns, const ServiceMap& services) &&;

 private:
  /// Who talks to whom: a peer, or a port of our own where the socket was accepted.
  struct Group {
    std::size_t process;
    IpAddress address;
    std::uint16_t port;
    bool inbound;
    auto operator<=>(const Group&) const = default;
  };
  struct GroupHash {
    std::size_t operator()(const Group& group) const;
  };
  struct AddressHash {
    std::size_t operator()(const IpAddress& address) const;
  };
  struct Source {
    std::uint64_t sockets = 0;
    std::map<std::size_t, std::uint64_t> processes;
  };
  struct Counts {
    StateCounts tcp{};
    std::uint64_t udp = 0;
  };
  using Peer = std::pair<IpAddress, std::uint16_t>;

  void see_tcp(const Socket& socket, std::size_t process);
  void see_in_range(const Socket& socket, std::size_t process);
  std::map<Peer, std::size_t> processes_of_peers() const;
  void add_tuples(const PortUsage& usage, const ServiceMap& services);
  std::vector<SeenSource> largest_sources(const PortUsage& usage) const;
  std::vector<SeenProcess> largest_processes() const;
  std::vector<SeenCloseWait> largest_close_waits() const;
  ProcessName name(std::size_t process) const { return name_of(owners_, process); }

  const Owners& owners_;
  SeenSockets seen_;
  std::vector<Counts> processes_;  ///< by index of owners_; the last is for all unknown ones
  std::unordered_map<IpAddress, Source, AddressHash> sources_;
  std::unordered_map<Group, std::uint64_t, GroupHash> outgoing_;
  std::map<Group, std::uint64_t> close_wait_;
};

}  // namespace socket_exporter
